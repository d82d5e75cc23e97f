// The command with which a program starts itself again: the words of
// CONFORMANCE_AGAIN, separated by tabs, if it was not started by its own name
// (`ld.so PROGRAM`).
#ifndef AGAIN_H
#define AGAIN_H

#include <stdlib.h>
#include <string.h>

static char *again_name;

static inline char **again_words(char *argument)
{
	static char text[8192], *words[64];
	const char *given = getenv("CONFORMANCE_AGAIN");
	int count = 0;

	strncpy(text, given ? given : again_name, sizeof text - 1);
	for (char *word = strtok(text, "\t"); word && count < 60; word = strtok(NULL, "\t"))
		words[count++] = word;
	words[count++] = argument;
	words[count] = NULL;
	return words;
}

#endif
