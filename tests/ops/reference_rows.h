// Rows of an operation's test as grids of the reference model, and back.
#pragma once

#include <vector>

#include "op_context.h"
#include "support/reference/scalar.h"

namespace hyprstream::testing {

inline reference::Grid<double> Wide(const Rows& rows) {
  reference::Grid<double> grid(rows.rows, rows.cols);
  grid.data.assign(rows.data.begin(), rows.data.end());
  return grid;
}

inline std::vector<float> Narrow(const reference::Grid<double>& grid) {
  return {grid.data.begin(), grid.data.end()};
}

}  // namespace hyprstream::testing
