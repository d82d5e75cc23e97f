/* An audit module that does nothing. With one, the dynamic linker assigns static
 * TLS to the libraries of the program later than it does otherwise.
 */
#include <link.h>

unsigned int la_version(unsigned int version)
{
	return version;
}
