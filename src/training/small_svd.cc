#include "training/small_svd.h"

#include <Eigen/QR>
#include <Eigen/SVD>

#include "base/error.h"

namespace hyprstream::training {
namespace {

// Columns of the result are the rows of m.
Eigen::MatrixXd ColumnsOf(ConstMatrix m) {
  Eigen::MatrixXd columns(m.cols, m.rows);
  for (int64_t row = 0; row < m.rows; ++row) {
    for (int64_t i = 0; i < m.cols; ++i) columns(i, row) = static_cast<double>(m.row(row)[i]);
  }
  return columns;
}

}  // namespace

void OrthonormaliseRows(Matrix m) {
  HYPR_CHECK(m.rows <= m.cols);
  const Eigen::HouseholderQR<Eigen::MatrixXd> qr(ColumnsOf(m));
  const Eigen::MatrixXd q = qr.householderQ() * Eigen::MatrixXd::Identity(m.cols, m.rows);
  for (int64_t row = 0; row < m.rows; ++row) {
    for (int64_t i = 0; i < m.cols; ++i) m.row(row)[i] = static_cast<float>(q(i, row));
  }
}

RightSingular SvdOfRows(ConstMatrix z) {
  HYPR_CHECK(z.rows <= z.cols);
  // The QR first: the iteration then works on a small square matrix.
  const Eigen::JacobiSVD<Eigen::MatrixXd, Eigen::HouseholderQRPreconditioner> svd(
      ColumnsOf(z), Eigen::ComputeThinU);
  RightSingular result;
  for (int64_t row = 0; row < z.rows; ++row) {
    result.values.push_back(static_cast<float>(svd.singularValues()(row)));
    const auto column = svd.matrixU().col(row);
    Eigen::Index largest = 0;
    column.cwiseAbs().maxCoeff(&largest);
    const double sign = column(largest) < 0.0 ? -1.0 : 1.0;
    for (int64_t i = 0; i < z.cols; ++i) {
      result.vectors.push_back(static_cast<float>(sign * column(i)));
    }
  }
  return result;
}

}  // namespace hyprstream::training
