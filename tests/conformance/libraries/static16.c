// Takes 16 bytes of static TLS for good.
//
//! cc: -ftls-model=initial-exec
static __thread char room[16];

char *static16_room(void)
{
	return room;
}
