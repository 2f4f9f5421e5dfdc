/* The head byte of a column of integers (ints_int.h), for its writer and its reader. */
#ifndef MACHI_SERIES_INTS_FORMAT_INT_H
#define MACHI_SERIES_INTS_FORMAT_INT_H

#define HEAD_TRANSFORM 0x03u
#define HEAD_CODING_SHIFT 2
#define HEAD_CODING 0x03u /* once shifted */
#define HEAD_STEP 0x10u
#define HEAD_RANGE 0x20u
#define HEAD_CENTRE 0x40u
#define HEAD_ALL 0x7fu

#endif
