//go:build cgo && (amd64 || arm64)

#include "resample_simd.h"

#include <string.h>

/* Samples are unpacked from 32-bit words by shifts and masks: vectors of bytes
   would have to be converted, which compilers turn into poor code unless they
   are told how for every processor. Bytes must be in little-endian order. */

#define PRECISION_BITS 22
#define HALF (1u << (PRECISION_BITS - 1))

#define LANES 4
#define NAME(x) x##_4
#define TARGET
#include "resample_lanes.h"
#undef LANES
#undef NAME
#undef TARGET

#ifdef __x86_64__

#define LANES 8
#define NAME(x) x##_8
#define TARGET __attribute__((target("avx2")))
#include "resample_lanes.h"

int quba_resample_lanes(void) { return __builtin_cpu_supports("avx2") ? 8 : 4; }

void quba_resample_across(int lanes, quba_rows dst, quba_rows src, size_t rows,
                          quba_weights t, uint32_t *words) {
  (lanes == 8 ? across_8 : across_4)(dst, src, rows, &t, words);
}

void quba_resample_down(int lanes, quba_rows dst, quba_rows src, size_t n,
                        quba_weights t) {
  (lanes == 8 ? down_8 : down_4)(dst, src, n, &t);
}

#else

int quba_resample_lanes(void) { return 4; }

void quba_resample_across(int lanes, quba_rows dst, quba_rows src, size_t rows,
                          quba_weights t, uint32_t *words) {
  (void)lanes;
  across_4(dst, src, rows, &t, words);
}

void quba_resample_down(int lanes, quba_rows dst, quba_rows src, size_t n,
                        quba_weights t) {
  (void)lanes;
  down_4(dst, src, n, &t);
}

#endif
