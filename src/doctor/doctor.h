/* `levriero doctor`: explains a data directory that no server holds, and writes nothing.
 *
 * It answers: "what is in it, is it sound, and what will the next start do?", in sentences, judged
 * by the same code as a start. Runs on the main thread, with plain reads. */
#pragma once

/* Exit code 0: healthy; 1: something that a person must look at; 2: a wrong command line. */
int doctor_main(int argc, char **argv);
