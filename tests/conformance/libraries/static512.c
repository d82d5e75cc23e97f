// Takes 512 bytes of static TLS for good.
//
//! cc: -ftls-model=initial-exec
static __thread char room[512];

char *static512_room(void)
{
	return room;
}
