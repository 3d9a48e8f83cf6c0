//===- AddProducts.h - A tile of a product of matrices ----------*- C++ -*-===//

#ifndef ACCOPT_LIB_TRANSFORMS_ADDPRODUCTS_H
#define ACCOPT_LIB_TRANSFORMS_ADDPRODUCTS_H

#include <cstdint>

namespace accopt {

/// to[i][j] += factor * sum_p a[p][i] b[p][j] for p < depth, where all three
/// have rows of 16 elements, `to` 16 of them. Sums go in the order of p, each
/// product and each sum rounded for itself with whatever instructions, so that
/// every host gets the same.
void addProducts(float *to, float factor, const float *a, const float *b,
                 int64_t depth);

} // namespace accopt

#endif // ACCOPT_LIB_TRANSFORMS_ADDPRODUCTS_H
