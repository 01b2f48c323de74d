#ifndef QUBA_JPEG_SIMD_H
#define QUBA_JPEG_SIMD_H

#include <stddef.h>
#include <stdint.h>

/* How to quantise one coefficient v that is 8 times too large: the multiple of
   step nearest to v/8 is step * (int)((|v| + half) * reciprocal), with v's sign.
   The arrays are by rows of the block. */
typedef struct {
  float reciprocal[64];
  int32_t half[64], step[64];
} quba_dct_table;

/* A picture of w x h RGB pixels without padding. */
typedef struct {
  uint8_t *rgb;
  size_t w, h;
} quba_dct_picture;

/* Its three components in whole blocks of 8x8; chroma is halved both ways. */
typedef struct {
  uint8_t *y, *cb, *cr;
  size_t y_stride, c_stride;
} quba_dct_planes;

/* Whether this machine can run what follows. */
int quba_dct_usable(void);

/* Fills the components, but for the rows below the picture. */
void quba_dct_encode(quba_dct_planes to, quba_dct_picture from);

/* Transforms, quantises and transforms back all blocks of a component. */
void quba_dct_quantise(uint8_t *plane, size_t stride, size_t height,
                        const quba_dct_table *table);

/* Makes pixels of the components. Chroma is more than 2 samples wide. sums
   has room for w/2+24 numbers and wide for 2*w+48. */
void quba_dct_decode(quba_dct_picture to, quba_dct_planes from,
                      int32_t *sums, uint16_t *wide);

#endif
