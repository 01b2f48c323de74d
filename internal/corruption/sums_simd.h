#ifndef QUBA_SUMS_SIMD_H
#define QUBA_SUMS_SIMD_H

#include <stddef.h>
#include <stdint.h>

/* Two places in src whose numbers share a weight. */
typedef struct {
  int32_t a, b;
} quba_pair;

/* The most doubles that this machine works on at once: 2 or 4. The functions
   below take that or less. */
int quba_sums_lanes(void);

/* out[x] = sum of k[j] * (src[at[j].a + x] + src[at[j].b + x]) for j < taps, in
   the order of j, for x < n. out lies outside src. */
void quba_sum_pairs(int lanes, double *out, size_t n, const double *src,
                    const quba_pair *at, const double *k, size_t taps);

/* out[x] = sum of k[j] * src[at[j] + x], likewise. */
void quba_sum_taps(int lanes, double *out, size_t n, const double *src,
                   const int32_t *at, const double *k, size_t taps);

/* A row enlarged by no less than 1, in groups of 8 numbers: number i of group g
   lies between those at base[g]+index[8*g+i] and 3 further on, frac of the way. */
typedef struct {
  const int32_t *base;
  const uint8_t *index;
  const float *frac;
  size_t groups;
} quba_zoom;

/* Adds to sum the enlargement of the row that lies between upper and lower, part
   of the way. line has room for n+16 numbers; sum, for the groups. Needs 4
   lanes. */
void quba_zoom_add(float *sum, float *line, const float *upper,
                   const float *lower, float part, size_t n, quba_zoom z);

#endif
