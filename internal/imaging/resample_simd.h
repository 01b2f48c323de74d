#ifndef QUBA_RESAMPLE_SIMD_H
#define QUBA_RESAMPLE_SIMD_H

#include <stddef.h>
#include <stdint.h>

/* Row y of samples begins at pix + y*stride. */
typedef struct {
  uint8_t *pix;
  size_t stride;
} quba_rows;

/* The weights of one axis: output i is the sum over j < count[i] of the source
   at first[i]+j times k[i*width+j], in units of 2^-22. first and first+count
   never decrease. */
typedef struct {
  const int32_t *first, *count, *k;
  size_t width, outputs;
} quba_weights;

/* The most 32-bit lanes that this machine works on at once: 4 or 8. The
   functions below take that or less. */
int quba_resample_lanes(void);

/* Resamples rows of RGB pixels along x. src begins with the first pixel that t
   needs; words has room for lanes words for each that it needs. */
void quba_resample_across(int lanes, quba_rows dst, quba_rows src, size_t rows,
                          quba_weights t, uint32_t *words);

/* Resamples columns of n samples a row. src begins with the first row that t
   needs. */
void quba_resample_down(int lanes, quba_rows dst, quba_rows src, size_t n,
                        quba_weights t);

#endif
