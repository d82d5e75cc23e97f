// Goroutines that load and unload through cgo while the collector and the
// scheduler interrupt them.
package main

/*
#cgo LDFLAGS: -ldl -lpthread
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

static void *leaf(void *value) { return value; }

static int once(const char *plugin)
{
	pthread_t thread;
	void *handle = dlopen(plugin, RTLD_NOW), *answer = NULL;

	if (!handle)
		return 0;
	if (!pthread_create(&thread, NULL, leaf, handle))
		pthread_join(thread, &answer);
	dlclose(handle);
	return answer == handle;
}
*/
import "C"

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"
	"unsafe"
)

func main() {
	plugin := C.CString(os.Args[1])
	defer C.free(unsafe.Pointer(plugin))
	rounds, _ := strconv.Atoi(os.Args[2])
	var wait sync.WaitGroup
	sums := make([]int, 8)
	for i := range sums {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			for round := 0; round < rounds; round++ {
				kept := make([][]int, 50)
				for j := range kept {
					kept[j] = []int{round, j}
				}
				sums[i] += int(C.once(plugin))
				if round%20 == 0 {
					runtime.GC()
				}
				for _, one := range kept {
					sums[i] += one[0] + one[1]
				}
			}
		}(i)
	}
	wait.Wait()
	fmt.Println(sums)
}
