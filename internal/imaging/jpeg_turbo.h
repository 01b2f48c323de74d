#ifndef QUBA_JPEG_TURBO_H
#define QUBA_JPEG_TURBO_H

#include <stddef.h>

enum { QUBA_JPEG_OK, QUBA_JPEG_TRUNCATED, QUBA_JPEG_FAILED };

/* message: the reason of a failure, else the first warning or "". */
typedef struct {
  unsigned width, height;
  char message[200];
} quba_jpeg_result;

const char *quba_jpeg_version(void);

/* Reads the size of the picture into result. */
int quba_jpeg_header(const unsigned char *data, size_t size,
                     quba_jpeg_result *result);

/* Decodes into pix: result->height rows of result->width RGB pixels, the size
   that quba_jpeg_header gave. */
int quba_jpeg_decode(const unsigned char *data, size_t size,
                     unsigned char *pix, quba_jpeg_result *result);

#endif
