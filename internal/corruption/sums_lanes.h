/* The sums, compiled once per vector width: included with LANES, the doubles of
   a vector, NAME, which marks what is defined here, and TARGET, a function
   attribute. Four vectors at a time; the last ones overlap those before. */

#define BLOCK (4 * LANES)

typedef double NAME(f64) __attribute__((vector_size(8 * LANES)));

TARGET static inline NAME(f64) NAME(load)(const double *from) {
  NAME(f64) v;
  memcpy(&v, from, sizeof v);
  return v;
}

TARGET static inline void NAME(store)(double *to, NAME(f64) v) {
  memcpy(to, &v, sizeof v);
}

TARGET static inline NAME(f64) NAME(pair)(const double *a, const double *b) {
  return NAME(load)(a) + NAME(load)(b);
}

TARGET static inline void NAME(pairs_block)(double *out, const double *src,
                                            const quba_pair *at,
                                            const double *k, size_t taps) {
  NAME(f64) s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
  for (size_t j = 0; j < taps; j++) {
    const double *a = src + at[j].a, *b = src + at[j].b;
    NAME(f64) w = k[j] - (NAME(f64)){0};
    s0 += NAME(pair)(a, b) * w;
    s1 += NAME(pair)(a + LANES, b + LANES) * w;
    s2 += NAME(pair)(a + 2 * LANES, b + 2 * LANES) * w;
    s3 += NAME(pair)(a + 3 * LANES, b + 3 * LANES) * w;
  }
  NAME(store)(out, s0);
  NAME(store)(out + LANES, s1);
  NAME(store)(out + 2 * LANES, s2);
  NAME(store)(out + 3 * LANES, s3);
}

TARGET static inline void NAME(taps_block)(double *out, const double *src,
                                           const int32_t *at, const double *k,
                                           size_t taps) {
  NAME(f64) s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
  for (size_t j = 0; j < taps; j++) {
    const double *a = src + at[j];
    NAME(f64) w = k[j] - (NAME(f64)){0};
    s0 += NAME(load)(a) * w;
    s1 += NAME(load)(a + LANES) * w;
    s2 += NAME(load)(a + 2 * LANES) * w;
    s3 += NAME(load)(a + 3 * LANES) * w;
  }
  NAME(store)(out, s0);
  NAME(store)(out + LANES, s1);
  NAME(store)(out + 2 * LANES, s2);
  NAME(store)(out + 3 * LANES, s3);
}

TARGET static void NAME(pairs)(double *out, size_t n, const double *src,
                               const quba_pair *at, const double *k,
                               size_t taps) {
  for (size_t x = 0; x + BLOCK <= n; x += BLOCK)
    NAME(pairs_block)(out + x, src + x, at, k, taps);
  NAME(pairs_block)(out + n - BLOCK, src + n - BLOCK, at, k, taps);
}

TARGET static void NAME(taps)(double *out, size_t n, const double *src,
                              const int32_t *at, const double *k, size_t taps) {
  for (size_t x = 0; x + BLOCK <= n; x += BLOCK)
    NAME(taps_block)(out + x, src + x, at, k, taps);
  NAME(taps_block)(out + n - BLOCK, src + n - BLOCK, at, k, taps);
}

#undef BLOCK
