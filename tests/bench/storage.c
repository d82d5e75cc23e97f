/* Thread-local storage and nothing else: what preloading costs each thread in
 * itself. */
__thread char storage[64] __attribute__((aligned(64))) = { 1 };
