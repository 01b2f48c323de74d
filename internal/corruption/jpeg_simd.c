//go:build cgo && (amd64 || arm64)

#include "jpeg_simd.h"

#include <string.h>

/* Vectors of eight 32-bit numbers. Bytes must be in little-endian order. */
typedef int32_t i32 __attribute__((vector_size(32)));
typedef float f32 __attribute__((vector_size(32)));
typedef uint8_t u8 __attribute__((vector_size(8)));
typedef int16_t i16 __attribute__((vector_size(16)));

#ifdef __x86_64__
#include <immintrin.h>
#define TARGET __attribute__((target("avx2")))
int quba_dct_usable(void) { return __builtin_cpu_supports("avx2") != 0; }
#else
#define TARGET
int quba_dct_usable(void) { return 1; }
#endif

#define INLINE TARGET static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

#if defined(__clang__)
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (i32){__VA_ARGS__})
#endif

/* ---- Loads and stores ---- */

INLINE i32 load(const int32_t *from) {
  i32 v;
  memcpy(&v, from, sizeof v);
  return v;
}

INLINE void store(void *to, i32 v) { memcpy(to, &v, sizeof v); }

/* Compilers need help with vectors of bytes. */

#ifdef __x86_64__

INLINE i32 load_bytes(const uint8_t *from) {
  return (i32)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)from));
}

INLINE i32 load_shorts(const void *from) {
  return (i32)_mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)from));
}

/* Limits to 0..255. */
INLINE __m128i packed(i32 v) {
  __m128i w = _mm_packs_epi32(_mm256_castsi256_si128((__m256i)v),
                              _mm256_extracti128_si256((__m256i)v, 1));
  return _mm_packus_epi16(w, w);
}

INLINE void store_bytes(uint8_t *to, i32 v) {
  _mm_storel_epi64((__m128i *)to, packed(v));
}

INLINE i32 clamp(i32 v) {
  __m256i low = _mm256_max_epi32((__m256i)v, _mm256_setzero_si256());
  return (i32)_mm256_min_epi32(low, _mm256_set1_epi32(255));
}

/* 8 pixels, of 24 bits each; reads 4 bytes more. */
INLINE i32 load_pixels(const uint8_t *from) {
  __m128i low = _mm_loadu_si128((const __m128i *)from);
  __m128i high = _mm_loadu_si128((const __m128i *)(from + 12));
  const __m256i spread = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1));
  return (i32)_mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);
}

INLINE void store_pixels(uint8_t *to, i32 v) {
  const __m256i gather = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
  const __m256i join = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 3, 7);
  __m256i p = _mm256_shuffle_epi8((__m256i)v, gather);
  p = _mm256_permutevar8x32_epi32(p, join);
  _mm_storeu_si128((__m128i *)to, _mm256_castsi256_si128(p));
  _mm_storel_epi64((__m128i *)(to + 16), _mm256_extracti128_si256(p, 1));
}

#else

INLINE i32 load_bytes(const uint8_t *from) {
  u8 v;
  memcpy(&v, from, sizeof v);
  return __builtin_convertvector(v, i32);
}

INLINE i32 load_shorts(const void *from) {
  i16 v;
  memcpy(&v, from, sizeof v);
  return __builtin_convertvector(v, i32);
}

/* Limits to 0..255. */
INLINE i32 clamp(i32 v) {
  v &= ~(v >> 31);
  return (v | (255 - v) >> 31) & 255;
}

INLINE void store_bytes(uint8_t *to, i32 v) {
  u8 b = __builtin_convertvector(clamp(v), u8);
  memcpy(to, &b, sizeof b);
}

/* 8 pixels, of 24 bits each; reads a byte more. */
INLINE i32 load_pixels(const uint8_t *from) {
  i32 v = {0};
  for (int i = 0; i < 8; i++) {
    int32_t w;
    memcpy(&w, from + 3 * i, sizeof w);
    v[i] = w & 0xffffff;
  }
  return v;
}

INLINE void store_pixels(uint8_t *to, i32 v) {
  for (int i = 0; i < 8; i++) {
    int32_t w = v[i];
    memcpy(to + 3 * i, &w, 3);
  }
}

#endif

/* ---- Colours ---- */

/* Half less one in 16 bits, so that the greatest sums stay below 256. */
#define CENTRE ((128 << 16) + (1 << 15) - 1)

#define LUMA(r, g, b) ((19595 * (r) + 38470 * (g) + 7471 * (b) + (1 << 15)) >> 16)
#define BLUE(r, g, b) ((-11059 * (r) - 21709 * (g) + 32768 * (b) + CENTRE) >> 16)
#define RED(r, g, b) ((32768 * (r) - 27439 * (g) - 5329 * (b) + CENTRE) >> 16)

typedef struct {
  i32 y, cb, cr;
} ycc;

INLINE ycc convert(const uint8_t *from) {
  i32 p = load_pixels(from);
  i32 r = p & 255, g = (p >> 8) & 255, b = p >> 16;
  return (ycc){LUMA(r, g, b), BLUE(r, g, b), RED(r, g, b)};
}

/* Averages of the neighbours in a and then in b, which are sums of two. */
INLINE i32 halved(i32 a, i32 b) {
  const i32 bias = {1, 2, 1, 2, 1, 2, 1, 2};
  return (SHUFFLE(a, b, 0, 2, 4, 6, 8, 10, 12, 14) +
          SHUFFLE(a, b, 1, 3, 5, 7, 9, 11, 13, 15) + bias) >> 2;
}

/* 16 pixels of two rows from column x on. */
INLINE void encode16(quba_dct_planes to, const uint8_t *upper,
                     const uint8_t *lower, uint8_t *y0, uint8_t *y1, size_t at) {
  ycc a = convert(upper), b = convert(upper + 24);
  ycc c = convert(lower), d = convert(lower + 24);
  store_bytes(y0, a.y);
  store_bytes(y0 + 8, b.y);
  store_bytes(y1, c.y);
  store_bytes(y1 + 8, d.y);
  store_bytes(to.cb + at, halved(a.cb + c.cb, b.cb + d.cb));
  store_bytes(to.cr + at, halved(a.cr + c.cr, b.cr + d.cr));
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* One sample of chroma and its four of luma; columns beyond the picture repeat
   its last. */
static void encode2(quba_dct_planes to, quba_dct_picture from, size_t cy,
                    size_t cx) {
  int32_t cb = 1 + (int32_t)(cx & 1), cr = cb;
  for (size_t i = 0; i < 4; i++) {
    size_t y = least(2 * cy + i / 2, from.h - 1);
    size_t x = 2 * cx + i % 2;
    const uint8_t *p = from.rgb + 3 * (y * from.w + least(x, from.w - 1));
    int32_t r = p[0], g = p[1], b = p[2];
    if (x < to.y_stride)
      to.y[y * to.y_stride + x] = (uint8_t)LUMA(r, g, b);
    cb += BLUE(r, g, b);
    cr += RED(r, g, b);
  }
  to.cb[cy * to.c_stride + cx] = (uint8_t)(cb >> 2);
  to.cr[cy * to.c_stride + cx] = (uint8_t)(cr >> 2);
}

TARGET void quba_dct_encode(quba_dct_planes to, quba_dct_picture from) {
  for (size_t cy = 0; 2 * cy < from.h; cy++) {
    size_t y0 = 2 * cy, y1 = least(y0 + 1, from.h - 1), x = 0;
    const uint8_t *upper = from.rgb + 3 * y0 * from.w;
    const uint8_t *lower = from.rgb + 3 * y1 * from.w;
    for (; x + 18 <= from.w; x += 16)
      encode16(to, upper + 3 * x, lower + 3 * x, to.y + y0 * to.y_stride + x,
               to.y + y1 * to.y_stride + x, cy * to.c_stride + x / 2);
    for (size_t cx = x / 2; cx < to.c_stride; cx++)
      encode2(to, from, cy, cx);
  }
}

/* ---- Blocks ---- */

#define FIX_0_298631336 2446
#define FIX_0_390180644 3196
#define FIX_0_541196100 4433
#define FIX_0_765366865 6270
#define FIX_0_899976223 7373
#define FIX_1_175875602 9633
#define FIX_1_501321110 12299
#define FIX_1_847759065 15137
#define FIX_1_961570560 16069
#define FIX_2_053119869 16819
#define FIX_2_562915447 20995
#define FIX_3_072711026 25172

#define DESCALE(v, n) (((v) + (1 << ((n)-1))) >> (n))


/* Transposes by exchanging lanes at distances 1, 2 and 4. */
INLINE void transpose(i32 v[8]) {
  UNROLL for (int i = 0; i < 8; i += 2) {
    i32 a = v[i], b = v[i + 1];
    v[i] = SHUFFLE(a, b, 0, 8, 2, 10, 4, 12, 6, 14);
    v[i + 1] = SHUFFLE(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
  }
  UNROLL for (int i = 0; i < 8; i++) {
    if (i & 2)
      continue;
    i32 a = v[i], b = v[i + 2];
    v[i] = SHUFFLE(a, b, 0, 1, 8, 9, 4, 5, 12, 13);
    v[i + 2] = SHUFFLE(a, b, 2, 3, 10, 11, 6, 7, 14, 15);
  }
  UNROLL for (int i = 0; i < 4; i++) {
    i32 a = v[i], b = v[i + 4];
    v[i] = SHUFFLE(a, b, 0, 1, 2, 3, 8, 9, 10, 11);
    v[i + 4] = SHUFFLE(a, b, 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

/* The odd parts of both transforms share their products. */
INLINE void odd(i32 t4, i32 t5, i32 t6, i32 t7, i32 out[4]) {
  i32 z5 = (t4 + t5 + t6 + t7) * FIX_1_175875602;
  i32 z1 = (t4 + t7) * -FIX_0_899976223;
  i32 z2 = (t5 + t6) * -FIX_2_562915447;
  i32 z3 = (t4 + t6) * -FIX_1_961570560 + z5;
  i32 z4 = (t5 + t7) * -FIX_0_390180644 + z5;
  out[0] = t4 * FIX_0_298631336 + z1 + z3;
  out[1] = t5 * FIX_2_053119869 + z2 + z4;
  out[2] = t6 * FIX_3_072711026 + z2 + z3;
  out[3] = t7 * FIX_1_501321110 + z1 + z4;
}

/* One pass of libjpeg's islow forward transform. e and o are the bits that the
   sums and the products lose; e may be negative. */
INLINE void forward(i32 v[8], int e, int o) {
  i32 s0 = v[0] + v[7], s1 = v[1] + v[6], s2 = v[2] + v[5], s3 = v[3] + v[4];
  i32 out[4];
  odd(v[3] - v[4], v[2] - v[5], v[1] - v[6], v[0] - v[7], out);
  i32 e0 = s0 + s3, e3 = s0 - s3, e1 = s1 + s2, e2 = s1 - s2;
  i32 z = (e2 + e3) * FIX_0_541196100;
  if (e < 0) {
    v[0] = (e0 + e1) << -e;
    v[4] = (e0 - e1) << -e;
  } else {
    v[0] = DESCALE(e0 + e1, e);
    v[4] = DESCALE(e0 - e1, e);
  }
  v[2] = DESCALE(z + e3 * FIX_0_765366865, o);
  v[6] = DESCALE(z - e2 * FIX_1_847759065, o);
  v[7] = DESCALE(out[0], o);
  v[5] = DESCALE(out[1], o);
  v[3] = DESCALE(out[2], o);
  v[1] = DESCALE(out[3], o);
}

/* One pass of the inverse; n bits are lost. */
INLINE void inverse(i32 v[8], int n) {
  i32 z = (v[2] + v[6]) * FIX_0_541196100;
  i32 t2 = z - v[6] * FIX_1_847759065, t3 = z + v[2] * FIX_0_765366865;
  i32 t0 = (v[0] + v[4]) << 13, t1 = (v[0] - v[4]) << 13;
  i32 e0 = t0 + t3, e3 = t0 - t3, e1 = t1 + t2, e2 = t1 - t2, out[4];
  odd(v[7], v[5], v[3], v[1], out);
  v[0] = DESCALE(e0 + out[3], n);
  v[7] = DESCALE(e0 - out[3], n);
  v[1] = DESCALE(e1 + out[2], n);
  v[6] = DESCALE(e1 - out[2], n);
  v[2] = DESCALE(e2 + out[1], n);
  v[5] = DESCALE(e2 - out[1], n);
  v[3] = DESCALE(e3 + out[0], n);
  v[4] = DESCALE(e3 - out[0], n);
}

INLINE i32 quantised(i32 v, const quba_dct_table *t, int row) {
  f32 reciprocal;
  memcpy(&reciprocal, t->reciprocal + 8 * row, sizeof reciprocal);
  i32 sign = v >> 31;
  i32 n = ((v ^ sign) - sign) + load(t->half + 8 * row);
  n = __builtin_convertvector(__builtin_convertvector(n, f32) * reciprocal, i32);
  return ((n * load(t->step + 8 * row)) ^ sign) - sign;
}

INLINE void quantise(uint8_t *block, size_t stride, const quba_dct_table *t) {
  i32 v[8];
  UNROLL for (size_t y = 0; y < 8; y++)
    v[y] = load_bytes(block + y * stride) - 128;
  transpose(v);
  forward(v, -2, 11);
  transpose(v);
  forward(v, 2, 15);
  UNROLL for (int y = 0; y < 8; y++)
    v[y] = quantised(v[y], t, y);
  inverse(v, 11);
  transpose(v);
  inverse(v, 18);
  transpose(v);
  UNROLL for (size_t y = 0; y < 8; y++)
    store_bytes(block + y * stride, v[y] + 128);
}

TARGET void quba_dct_quantise(uint8_t *plane, size_t stride, size_t height,
                               const quba_dct_table *table) {
  for (size_t y = 0; y < height; y += 8)
    for (size_t x = 0; x < stride; x += 8)
      quantise(plane + y * stride + x, stride, table);
}

/* ---- Pixels ---- */

/* One row of chroma stretched to 2*n samples, as 16-bit numbers. sums has room
   for one number before n and 16 after. */
INLINE void stretch(uint16_t *wide, const uint8_t *near, const uint8_t *far,
                    size_t n, int32_t *sums) {
  for (size_t x = 0; x < n; x += 8)
    store(sums + x, load_bytes(near + x) * 3 + load_bytes(far + x));
  sums[-1] = sums[0];
  sums[n] = sums[n - 1];
  for (size_t x = 0; x < n; x += 8) {
    i32 t = load(sums + x) * 3;
    i32 even = (t + load(sums + x - 1) + 8) >> 4;
    i32 uneven = (t + load(sums + x + 1) + 7) >> 4;
    store(wide + 2 * x, even | uneven << 16);
  }
}

/* The pixels of 8 samples, as 24 bits each. */
INLINE i32 pixels_of(i32 y, i32 cb, i32 cr) {
  cb -= 128;
  cr -= 128;
  i32 r = clamp(y + ((91881 * cr + (1 << 15)) >> 16));
  i32 g = clamp(y + ((-22554 * cb - 46802 * cr + (1 << 15)) >> 16));
  i32 b = clamp(y + ((116130 * cb + (1 << 15)) >> 16));
  return r | g << 8 | b << 16;
}

/* The row may be read to the end of its last block. */
INLINE void decode_row(uint8_t *rgb, const uint8_t *y, const uint16_t *cb,
                       const uint16_t *cr, size_t w) {
  for (size_t x = 0; x < w; x += 8) {
    i32 p = pixels_of(load_bytes(y + x), load_shorts(cb + x), load_shorts(cr + x));
    if (x + 8 <= w) {
      store_pixels(rgb + 3 * x, p);
      continue;
    }
    uint8_t rest[24];
    store_pixels(rest, p);
    memcpy(rgb + 3 * x, rest, 3 * (w - x));
  }
}

TARGET void quba_dct_decode(quba_dct_picture to, quba_dct_planes from,
                             int32_t *sums, uint16_t *wide) {
  size_t cw = (to.w + 1) / 2, ch = (to.h + 1) / 2, room = (2 * cw + 15) & ~(size_t)15;
  for (size_t y = 0; y < to.h; y++) {
    size_t near = y / 2;
    size_t far = y % 2 ? least(near + 1, ch - 1) : near - (near > 0);
    const uint8_t *b = from.cb, *r = from.cr;
    stretch(wide, b + near * from.c_stride, b + far * from.c_stride, cw, sums + 1);
    stretch(wide + room, r + near * from.c_stride, r + far * from.c_stride, cw, sums + 1);
    decode_row(to.rgb + 3 * y * to.w, from.y + y * from.y_stride, wide, wide + room, to.w);
  }
}
