//go:build cgo && (amd64 || arm64)

#include "warp_simd.h"

#include <string.h>

/* One rounding after each operation, as in Go on amd64. */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

/* A pixel and the first channel of the next one. */
typedef float pixel __attribute__((vector_size(16)));

static inline pixel load(const float *from) {
  pixel p;
  memcpy(&p, from, sizeof p);
  return p;
}

void quba_warp_row(float *out, const float *from, long w, long h,
                   const double *xs, const double *ys, size_t n) {
  const double right = (double)(w - 1), bottom = (double)(h - 1);
  for (size_t i = 0; i < n; i++) {
    double x = xs[i], y = ys[i];
    if (!(x >= 0 && y >= 0 && x < right && y < bottom)) continue;
    int left = (int)x, top = (int)y;
    float fx = (float)(x - left), fy = (float)(y - top);
    const float *at = from + 3 * (top * w + left);
    pixel p = load(at), q = load(at + 3);
    pixel s = load(at + 3 * w), t = load(at + 3 * w + 3);
    p += fx * (q - p);
    s += fx * (t - s);
    p += fy * (s - p);
    memcpy(out + 3 * i, &p, sizeof p);
  }
}
