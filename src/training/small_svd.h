// Orthonormal bases and singular values of a few long rows: what a gradient sketch ends with.
#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace hyprstream::training {

/// Replaces the rows of m [count, length], count <= length, by an orthonormal basis of their span
/// (Householder, in double). Rows that depend on others become some other orthonormal direction.
void OrthonormaliseRows(Matrix m);

struct RightSingular {
  std::vector<float> values;   // largest first, [count]
  std::vector<float> vectors;  // row i belongs to values[i], [count, length], unit length
};

/// Of z [count, length], count <= length. The sign of a vector is such that its largest entry is
/// positive, so that the result is a function of z alone.
RightSingular SvdOfRows(ConstMatrix z);

}  // namespace hyprstream::training
