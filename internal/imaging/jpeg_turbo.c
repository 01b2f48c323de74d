//go:build cgo && !nojpegturbo

#include "jpeg_turbo.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#ifndef LIBJPEG_TURBO_VERSION
#error "libjpeg-turbo is needed: other libjpegs decode to other pixels. Install its headers, or build with -tags nojpegturbo"
#endif

#define TEXT(x) #x
#define TEXT_OF(x) TEXT(x)

/* Real progressive files have about ten scans; thousands are an attack on the
   decoder's time. */
#define MAX_SCANS 1000

#define ROWS 16

typedef struct {
  struct jpeg_decompress_struct info;
  struct jpeg_error_mgr errors;
  struct jpeg_source_mgr source;
  struct jpeg_progress_mgr progress;
  jmp_buf failed;
  quba_jpeg_result *result;
} decoder;

const char *quba_jpeg_version(void) { return TEXT_OF(LIBJPEG_TURBO_VERSION); }

static void say(decoder *d, const char *text) {
  snprintf(d->result->message, sizeof d->result->message, "%s", text);
}

static void on_error(j_common_ptr info) {
  decoder *d = info->client_data;
  char text[JMSG_LENGTH_MAX];
  info->err->format_message(info, text);
  say(d, text);
  longjmp(d->failed, 1);
}

/* Level -1 is a warning: the data are damaged, but libjpeg goes on. */
static void on_message(j_common_ptr info, int level) {
  decoder *d = info->client_data;
  char text[JMSG_LENGTH_MAX];
  if (level >= 0 || info->err->num_warnings++ > 0) return;
  info->err->format_message(info, text);
  say(d, text);
}

static void on_progress(j_common_ptr info) {
  decoder *d = info->client_data;
  if (d->info.input_scan_number <= MAX_SCANS) return;
  say(d, "there are more than " TEXT_OF(MAX_SCANS) " scans");
  longjmp(d->failed, 1);
}

static void no_source_work(j_decompress_ptr info) { (void)info; }

/* All input is there from the start: asking for more means that the file is
   truncated. libjpeg then suspends instead of inventing an end, as in Pillow. */
static boolean no_more_input(j_decompress_ptr info) {
  (void)info;
  return FALSE;
}

static void skip_input(j_decompress_ptr info, long n) {
  struct jpeg_source_mgr *s = info->src;
  size_t step = n < 0 ? 0 : (size_t)n;
  if (step > s->bytes_in_buffer) step = s->bytes_in_buffer;
  s->next_input_byte += step;
  s->bytes_in_buffer -= step;
}

/* Runs before setjmp, so that nothing here may fail. */
static void prepare(decoder *d, quba_jpeg_result *result) {
  memset(d, 0, sizeof *d);
  d->result = result;
  result->message[0] = 0;
  d->info.err = jpeg_std_error(&d->errors);
  d->errors.error_exit = on_error;
  d->errors.emit_message = on_message;
  d->info.client_data = d;
}

/* Reads up to the first scan. */
static int open_picture(decoder *d, const unsigned char *data, size_t size) {
  jpeg_create_decompress(&d->info);
  d->progress.progress_monitor = on_progress;
  d->info.progress = &d->progress;
  d->source.init_source = no_source_work;
  d->source.term_source = no_source_work;
  d->source.fill_input_buffer = no_more_input;
  d->source.skip_input_data = skip_input;
  d->source.resync_to_restart = jpeg_resync_to_restart;
  d->source.next_input_byte = data;
  d->source.bytes_in_buffer = size;
  d->info.src = &d->source;
  if (jpeg_read_header(&d->info, TRUE) != JPEG_HEADER_OK)
    return QUBA_JPEG_TRUNCATED;
  switch (d->info.num_components) {
    case 1:
    case 3:
      d->info.out_color_space = JCS_EXT_RGB;
      return QUBA_JPEG_OK;
    case 4:
      d->info.out_color_space = JCS_CMYK;
      return QUBA_JPEG_OK;
    default:
      say(d, "picture must have 1, 3 or 4 components");
      return QUBA_JPEG_FAILED;
  }
}

static int read_rgb(decoder *d, unsigned char *pix) {
  size_t stride = (size_t)3 * d->info.output_width;
  while (d->info.output_scanline < d->info.output_height) {
    JSAMPROW rows[ROWS];
    unsigned n = d->info.output_height - d->info.output_scanline;
    if (n > ROWS) n = ROWS;
    for (unsigned i = 0; i < n; i++)
      rows[i] = pix + (d->info.output_scanline + i) * stride;
    if (jpeg_read_scanlines(&d->info, rows, n) == 0)
      return QUBA_JPEG_TRUNCATED;
  }
  return QUBA_JPEG_OK;
}

/* a*b/255, rounded as Pillow does. */
static int mul_div_255(int a, int b) {
  int t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}

/* Samples are inverted by Adobe's convention: 255 is no ink. Pillow assumes it
   of every picture of four components. */
static void cmyk_row(unsigned char *rgb, const unsigned char *cmyk, size_t n) {
  for (size_t i = 0; i < n; i++, rgb += 3, cmyk += 4) {
    int white = cmyk[3];
    for (int c = 0; c < 3; c++)
      rgb[c] = (unsigned char)(white - mul_div_255(255 - cmyk[c], white));
  }
}

static int read_cmyk(decoder *d, unsigned char *pix) {
  size_t width = d->info.output_width;
  JSAMPARRAY row = d->info.mem->alloc_sarray(
      (j_common_ptr)&d->info, JPOOL_IMAGE, (JDIMENSION)(4 * width), 1);
  while (d->info.output_scanline < d->info.output_height) {
    size_t y = d->info.output_scanline;
    if (jpeg_read_scanlines(&d->info, row, 1) == 0)
      return QUBA_JPEG_TRUNCATED;
    cmyk_row(pix + 3 * width * y, row[0], width);
  }
  return QUBA_JPEG_OK;
}

static int read_pixels(decoder *d, unsigned char *pix) {
  if (d->info.image_width != d->result->width ||
      d->info.image_height != d->result->height) {
    say(d, "size differs between two readings of the header");
    return QUBA_JPEG_FAILED;
  }
  if (!jpeg_start_decompress(&d->info)) return QUBA_JPEG_TRUNCATED;
  return d->info.num_components == 4 ? read_cmyk(d, pix) : read_rgb(d, pix);
}

/* Stops after the header if pix is null. Runs below its caller's decoder, so
   that nothing that longjmp leaves indeterminate is read afterwards. */
static int guarded(decoder *d, const unsigned char *data, size_t size,
                   unsigned char *pix) {
  int status;
  if (setjmp(d->failed)) return QUBA_JPEG_FAILED;
  status = open_picture(d, data, size);
  if (status != QUBA_JPEG_OK || pix == NULL) return status;
  status = read_pixels(d, pix);
  /* Pillow finishes too, and ignores a missing end once all rows are there. */
  if (status == QUBA_JPEG_OK) (void)jpeg_finish_decompress(&d->info);
  return status;
}

int quba_jpeg_header(const unsigned char *data, size_t size,
                     quba_jpeg_result *result) {
  decoder d;
  int status;
  prepare(&d, result);
  status = guarded(&d, data, size, NULL);
  result->width = d.info.image_width;
  result->height = d.info.image_height;
  jpeg_destroy_decompress(&d.info);
  return status;
}

int quba_jpeg_decode(const unsigned char *data, size_t size,
                     unsigned char *pix, quba_jpeg_result *result) {
  decoder d;
  int status;
  prepare(&d, result);
  status = guarded(&d, data, size, pix);
  jpeg_destroy_decompress(&d.info);
  return status;
}
