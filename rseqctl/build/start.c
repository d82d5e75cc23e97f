// What glibc keeps outside of libc.so.6, as an old glibc needs it: the linker
// would take it from the glibc of the machine that builds, and that one asks for
// its own version.
//
// x86-64 and AArch64, glibc 2.17 and later. No header is included: those of the building
// machine would redirect names to newer ones.
#define LOCAL __attribute__((visibility("hidden")))

// _start: up to 2.33 glibc leaves the constructors of the executable to the
// executable, which hands over a function that runs them. Later ones call such a
// function where there is one ("a legacy program").
typedef void constructor(int, char **, char **);
extern LOCAL constructor *__init_array_start[], *__init_array_end[];

__attribute__((used)) static void construct(int count, char **arguments, char **environment)
{
	for (constructor **next = __init_array_start; next < __init_array_end; next++)
		(*next)(count, arguments, environment);
}

// int __libc_start_main(main, argc, argv, init, fini, rtld_fini, stack_end)
#ifdef __x86_64__
__asm__(".text\n"
	".globl _start\n"
	".type _start, @function\n"
	"_start:\n"
	".cfi_startproc\n"
	".cfi_undefined rip\n"
	"	xor %ebp, %ebp\n"
	"	mov %rdx, %r9\n"
	"	pop %rsi\n"
	"	mov %rsp, %rdx\n"
	"	and $-16, %rsp\n"
	"	push %rax\n"
	"	push %rsp\n"
	"	xor %r8d, %r8d\n"
	"	lea construct(%rip), %rcx\n"
	"	mov main@GOTPCREL(%rip), %rdi\n"
	"	call *__libc_start_main@GOTPCREL(%rip)\n"
	"	hlt\n"
	".cfi_endproc\n"
	".size _start, . - _start\n");
#else
__asm__(".text\n"
	".globl _start\n"
	".type _start, %function\n"
	"_start:\n"
	".cfi_startproc\n"
	".cfi_undefined x30\n"
	"	hint #34\n"
	"	mov x29, #0\n"
	"	mov x30, #0\n"
	"	mov x5, x0\n"
	"	ldr x1, [sp]\n"
	"	add x2, sp, #8\n"
	"	mov x6, sp\n"
	"	adrp x0, :got:main\n"
	"	ldr x0, [x0, :got_lo12:main]\n"
	"	adrp x3, construct\n"
	"	add x3, x3, :lo12:construct\n"
	"	mov x4, #0\n"
	"	bl __libc_start_main\n"
	"	udf #0\n"
	".cfi_endproc\n"
	".size _start, . - _start\n");
#endif

// What destructors of thread-local variables are registered under.
LOCAL void *__dso_handle = &__dso_handle;

// Up to 2.32 the stat family has other names, with the version of the structure.
#ifdef __x86_64__
enum { VERSION_OF_STAT = 1 };
#else
enum { VERSION_OF_STAT = 0 };
#endif
struct stat64;
int __xstat64(int, const char *, struct stat64 *);
int __lxstat64(int, const char *, struct stat64 *);
int __fxstat64(int, int, struct stat64 *);
int __fxstatat64(int, int, const char *, struct stat64 *, int);

LOCAL int stat64(const char *path, struct stat64 *status)
{
	return __xstat64(VERSION_OF_STAT, path, status);
}

LOCAL int lstat64(const char *path, struct stat64 *status)
{
	return __lxstat64(VERSION_OF_STAT, path, status);
}

LOCAL int fstat64(int file, struct stat64 *status)
{
	return __fxstat64(VERSION_OF_STAT, file, status);
}

LOCAL int fstatat64(int folder, const char *path, struct stat64 *status, int flags)
{
	return __fxstatat64(VERSION_OF_STAT, folder, path, status, flags);
}

// System calls that glibc has wrapped since 2.27 and 2.30.
#ifdef __x86_64__
enum { NUMBER_GETTID = 186, NUMBER_MEMFD_CREATE = 319 };
#else
enum { NUMBER_GETTID = 178, NUMBER_MEMFD_CREATE = 279 };
#endif
long syscall(long, ...);

LOCAL int gettid(void)
{
	return (int)syscall(NUMBER_GETTID);
}

LOCAL int memfd_create(const char *name, unsigned flags)
{
	return (int)syscall(NUMBER_MEMFD_CREATE, name, flags);
}

// gcc's unwinder asks this of glibc 2.35; told no, it walks the objects as before.
struct dl_find_object;

LOCAL int _dl_find_object(void *address, struct dl_find_object *found)
{
	(void)address;
	(void)found;
	return -1;
}
