cat >a.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <math.h>
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
int main(void)
{
	static int numbers[100000];
	double sum = 0;
	for (int i = 0; i < 100000; i++) numbers[i] = (i * 7919L) % 100003;
	qsort(numbers, 100000, sizeof(int), compare);
	for (int i = 0; i < 100000; i++) sum += sqrt(numbers[i]);
	printf("%d %.3f\n", numbers[500], sum);
	return 0;
}
C
cat >b.cc <<'CC'
#include <future>
#include <iostream>
#include <map>
#include <regex>
#include <vector>
int main()
{
	std::vector<std::future<int>> parts;
	for (int n = 0; n < 20; n++)
		parts.push_back(std::async(std::launch::async, [n] {
			std::map<int, int> map;
			for (int i = 0; i < 20000; i++) map[i * n % 997]++;
			if (n == 7) throw 7;
			return int(map.size());
		}));
	int sum = 0;
	for (auto &part : parts) try { sum += part.get(); } catch (int n) { sum += n; }
	std::cout << sum << ' ' << std::regex_match("abc123", std::regex("[a-z]+[0-9]+")) << '\n';
}
CC
gcc -O2 -flto=2 a.c -lm -o a && ./a
g++ -O2 -pthread b.cc -o b && ./b
gcc -O2 -frandom-seed=1 -S a.c -o - | md5sum
cat >Makefile <<'M'
all: o1 o2 o3 o4 o5 o6
o%: a.c
	@gcc -O$* -c a.c -o $@.o 2>/dev/null || gcc -O3 -c a.c -o $@.o
M
if command -v make >/dev/null; then make -s -j4 && ls o*.o | wc -l; fi
