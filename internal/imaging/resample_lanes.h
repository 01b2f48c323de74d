/* The two passes, compiled once per vector width: included with LANES, the
   32-bit words of a vector, NAME, which marks what is defined here, and TARGET,
   a function attribute. */

typedef uint32_t NAME(u32) __attribute__((vector_size(4 * LANES)));
typedef int32_t NAME(i32) __attribute__((vector_size(4 * LANES)));

/* The sums of the samples of a vector of words, the lowest byte's first. */
typedef struct {
  NAME(u32) s0, s1, s2, s3;
} NAME(sums);

TARGET static inline void NAME(start)(NAME(sums) * s) {
  s->s0 = s->s1 = s->s2 = s->s3 = (NAME(u32)){0} + HALF;
}

TARGET static inline void NAME(add)(NAME(sums) * s, const void *from,
                                    int32_t weight) {
  uint32_t k = (uint32_t)weight;
  NAME(u32) v;
  memcpy(&v, from, sizeof v);
  s->s0 += (v & 255) * k;
  s->s1 += (v >> 8 & 255) * k;
  s->s2 += (v >> 16 & 255) * k;
  s->s3 += (v >> 24) * k;
}

/* Cuts the fraction bits off and limits the rest to 0..255. */
TARGET static inline void NAME(clip)(NAME(u32) * s) {
  NAME(i32) v = (NAME(i32))*s >> PRECISION_BITS;
  v &= ~(v >> 31);
  v |= (255 - v) >> 31;
  *s = (NAME(u32))v & 255;
}

TARGET static inline void NAME(store)(void *to, NAME(sums) * s) {
  NAME(clip)(&s->s0);
  NAME(clip)(&s->s1);
  NAME(clip)(&s->s2);
  NAME(clip)(&s->s3);
  s->s0 |= s->s1 << 8 | s->s2 << 16 | s->s3 << 24;
  memcpy(to, &s->s0, sizeof s->s0);
}

/* Puts n pixels of LANES rows side by side, a word a pixel. The highest byte is
   anything: nothing may be read behind the last pixel. */
TARGET static inline void NAME(gather)(uint32_t *words,
                                       uint8_t *const rows[LANES], size_t n) {
  for (size_t x = 0; x + 1 < n; x++) {
#pragma GCC unroll 8
    for (int r = 0; r < LANES; r++)
      memcpy(words + LANES * x + r, rows[r] + 3 * x, 4);
  }
  for (int r = 0; r < LANES; r++)
    memcpy(words + LANES * (n - 1) + r, rows[r] + 3 * (n - 1), 3);
}

/* Puts a pixel into each of LANES rows. */
TARGET static inline void NAME(scatter)(uint8_t *const rows[LANES], size_t x,
                                        const uint32_t words[LANES], int last) {
  if (last) {
    for (int r = 0; r < LANES; r++) memcpy(rows[r] + 3 * x, words + r, 3);
    return;
  }
  /* The fourth byte falls where the next pixel goes. */
#pragma GCC unroll 8
  for (int r = 0; r < LANES; r++) memcpy(rows[r] + 3 * x, words + r, 4);
}

TARGET static inline void NAME(weigh_pixels)(uint8_t *const rows[LANES],
                                             const uint32_t *words,
                                             const quba_weights *t) {
  for (size_t x = 0; x < t->outputs; x++) {
    const uint32_t *w = words + LANES * (size_t)(t->first[x] - t->first[0]);
    const int32_t *k = t->k + x * t->width;
    uint32_t out[LANES];
    NAME(sums) sums;
    NAME(start)(&sums);
    for (int32_t j = 0; j < t->count[x]; j++, w += LANES)
      NAME(add)(&sums, w, k[j]);
    NAME(store)(out, &sums);
    NAME(scatter)(rows, x, out, x + 1 == t->outputs);
  }
}

/* Rows missing from the last LANES are the last row again. */
TARGET static void NAME(across)(quba_rows dst, quba_rows src, size_t rows,
                                const quba_weights *t, uint32_t *words) {
  size_t last = t->outputs - 1;
  size_t n = (size_t)(t->first[last] + t->count[last] - t->first[0]);
  for (size_t y = 0; y < rows; y += LANES) {
    uint8_t *from[LANES], *to[LANES];
    for (size_t r = 0; r < LANES; r++) {
      size_t row = y + r < rows ? y + r : rows - 1;
      from[r] = src.pix + row * src.stride;
      to[r] = dst.pix + row * dst.stride;
    }
    NAME(gather)(words, from, n);
    NAME(weigh_pixels)(to, words, t);
  }
}

/* Weighs count rows into one of n samples, a vector at least. The last vector
   may overlap the one before. */
TARGET static inline void NAME(weigh_rows)(uint8_t *dst, const uint8_t *src,
                                           size_t stride, size_t n,
                                           const int32_t *k, int32_t count) {
  for (size_t x = 0; x < n; x += 4 * LANES) {
    NAME(sums) sums;
    if (x + 4 * LANES > n) x = n - 4 * LANES;
    NAME(start)(&sums);
    for (int32_t j = 0; j < count; j++)
      NAME(add)(&sums, src + x + (size_t)j * stride, k[j]);
    NAME(store)(dst + x, &sums);
  }
}

/* Weighs rows of less than a vector. */
TARGET static inline void NAME(weigh_few)(uint8_t *dst, const uint8_t *src,
                                          size_t stride, size_t n,
                                          const int32_t *k, int32_t count) {
  uint8_t vector[4 * LANES] = {0};
  NAME(sums) sums;
  NAME(start)(&sums);
  for (int32_t j = 0; j < count; j++) {
    memcpy(vector, src + (size_t)j * stride, n);
    NAME(add)(&sums, vector, k[j]);
  }
  NAME(store)(vector, &sums);
  memcpy(dst, vector, n);
}

TARGET static void NAME(down)(quba_rows dst, quba_rows src, size_t n,
                              const quba_weights *t) {
  for (size_t i = 0; i < t->outputs; i++) {
    size_t first = (size_t)(t->first[i] - t->first[0]);
    uint8_t *to = dst.pix + i * dst.stride;
    const uint8_t *from = src.pix + first * src.stride;
    const int32_t *k = t->k + i * t->width;
    if (n < 4 * LANES)
      NAME(weigh_few)(to, from, src.stride, n, k, t->count[i]);
    else
      NAME(weigh_rows)(to, from, src.stride, n, k, t->count[i]);
  }
}
