// Needs a definer.
//
//! uses: definer
struct area;
struct area *definer_area(void);

struct area *needs_area(void)
{
	return definer_area();
}
