// e^x for the kernels' shared bodies. Included after one lanes_*.h.
#pragma once

namespace hyprstream::kernels {
namespace {

/// e^x = 2^n · e^r with n = round(x / ln 2), |r| ≤ ln 2 / 2 (Cody & Waite's two-part ln 2), and
/// e^r = 1 + r + r²·p(r), p of degree 4 by the Remez exchange (relative error 2^-27.7).
inline Lanes::F Exp(Lanes::F x) {
  using L = Lanes;
  // Below −104 the result rounds to 0; above 89 it overflows. NaN passes through.
  x = L::Max(L::Set(-105.0f), L::Min(L::Set(89.0f), x));
  const L::F n = L::Round(L::Mul(x, L::Set(0x1.715476p0f)));
  L::F r = L::MulAdd(n, L::Set(-0x1.62e4p-1f), x);
  r = L::MulAdd(n, L::Set(-0x1.7f7d1cp-20f), r);
  L::F p = L::Set(0x1.6a2352p-10f);
  p = L::MulAdd(p, r, L::Set(0x1.123a6cp-7f));
  p = L::MulAdd(p, r, L::Set(0x1.5558f4p-5f));
  p = L::MulAdd(p, r, L::Set(0x1.555490p-3f));
  p = L::MulAdd(p, r, L::Set(0x1.fffffcp-2f));
  p = L::Add(L::MulAdd(p, L::Mul(r, r), r), L::Set(1.0f));
  return L::Scale(p, n);
}

}  // namespace
}  // namespace hyprstream::kernels
