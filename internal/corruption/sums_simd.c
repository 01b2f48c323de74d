//go:build cgo && (amd64 || arm64)

#include "sums_simd.h"

#include <string.h>

/* One rounding after each operation, as in Go on amd64. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#define LANES 2
#define NAME(x) x##_2
#define TARGET
#include "sums_lanes.h"
#undef LANES
#undef NAME
#undef TARGET

#ifdef __x86_64__

#include <immintrin.h>

#define LANES 4
#define NAME(x) x##_4
#define TARGET __attribute__((target("avx2")))
#include "sums_lanes.h"

int quba_sums_lanes(void) { return __builtin_cpu_supports("avx2") ? 4 : 2; }

void quba_sum_pairs(int lanes, double *out, size_t n, const double *src,
                    const quba_pair *at, const double *k, size_t taps) {
  (lanes == 4 ? pairs_4 : pairs_2)(out, n, src, at, k, taps);
}

void quba_sum_taps(int lanes, double *out, size_t n, const double *src,
                   const int32_t *at, const double *k, size_t taps) {
  (lanes == 4 ? taps_4 : taps_2)(out, n, src, at, k, taps);
}

TARGET static inline __m256 between(__m256 a, __m256 b, __m256 part) {
  return _mm256_add_ps(a, _mm256_mul_ps(_mm256_sub_ps(b, a), part));
}

TARGET static void mix(float *line, const float *upper, const float *lower,
                       float part, size_t n) {
  __m256 p = _mm256_set1_ps(part);
  size_t x = 0;
  for (; x + 8 <= n; x += 8)
    _mm256_storeu_ps(line + x, between(_mm256_loadu_ps(upper + x),
                                       _mm256_loadu_ps(lower + x), p));
  for (; x < n; x++)
    line[x] = upper[x] + (lower[x] - upper[x]) * part;
}

TARGET void quba_zoom_add(float *sum, float *line, const float *upper,
                          const float *lower, float part, size_t n,
                          quba_zoom z) {
  mix(line, upper, lower, part, n);
  for (size_t g = 0; g < z.groups; g++) {
    __m256i i = _mm256_cvtepu8_epi32(
        _mm_loadl_epi64((const __m128i *)(z.index + 8 * g)));
    const float *from = line + z.base[g];
    __m256 a = _mm256_permutevar8x32_ps(_mm256_loadu_ps(from), i);
    __m256 b = _mm256_permutevar8x32_ps(_mm256_loadu_ps(from + 3), i);
    __m256 v = between(a, b, _mm256_loadu_ps(z.frac + 8 * g));
    _mm256_storeu_ps(sum + 8 * g, _mm256_add_ps(_mm256_loadu_ps(sum + 8 * g), v));
  }
}

#else

int quba_sums_lanes(void) { return 2; }

void quba_sum_pairs(int lanes, double *out, size_t n, const double *src,
                    const quba_pair *at, const double *k, size_t taps) {
  (void)lanes;
  pairs_2(out, n, src, at, k, taps);
}

void quba_sum_taps(int lanes, double *out, size_t n, const double *src,
                   const int32_t *at, const double *k, size_t taps) {
  (void)lanes;
  taps_2(out, n, src, at, k, taps);
}

void quba_zoom_add(float *sum, float *line, const float *upper,
                   const float *lower, float part, size_t n, quba_zoom z) {
  (void)sum, (void)line, (void)upper, (void)lower, (void)part, (void)n, (void)z;
}

#endif
