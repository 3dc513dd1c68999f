/* `levriero bench`: load on a server, and what the machine could do at best. */
#pragma once

int bench_main(int argc, char **argv);
