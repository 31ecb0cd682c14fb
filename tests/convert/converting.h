// Models converted into a temporary folder, and what is compared of them.
#pragma once

#include <string>

#include "convert/convert_model.h"
#include "formats/support.h"
#include "model/harness.h"

namespace hyprstream::testing {

class Converting {
 public:
  std::filesystem::path ToGguf(const std::filesystem::path& source, const std::string& name,
                               const convert::ConvertOptions& options = {}) {
    const std::filesystem::path output = folder_ / (name + ".gguf");
    last_ = convert::ConvertToGguf(*formats::ModelFiles::Open(source), output, pool_, options);
    return output;
  }
  std::filesystem::path ToSafetensors(const std::filesystem::path& source, const std::string& name,
                                      const convert::ConvertOptions& options = {}) {
    const std::filesystem::path output = folder_ / name;
    last_ =
        convert::ConvertToSafetensors(*formats::ModelFiles::Open(source), output, pool_, options);
    return output;
  }
  const convert::Converted& last() const { return last_; }
  const TemporaryFolder& folder() const { return folder_; }

 private:
  const TemporaryFolder folder_;
  ThreadPool pool_{2};
  convert::Converted last_;
};

inline Tensor LogitsOf(const std::filesystem::path& model, int32_t tokens = 24) {
  Compute compute;
  const auto loaded = LoadExact(model, compute.context);
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < tokens; ++i) {
    ids.push_back((i * 37 + 11) % static_cast<int32_t>(loaded->config().vocab_size));
  }
  return RunModel(*loaded, compute.context, ids);
}

/// Root of the mean squared difference, as a share of the first's root mean square.
inline double RelativeDifference(const Tensor& of, const Tensor& other) {
  const auto a = of.As<float>(), b = other.As<float>();
  HYPR_CHECK(a.size() == b.size());
  double off = 0, all = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    off += difference * difference;
    all += static_cast<double>(a[i]) * static_cast<double>(a[i]);
  }
  return std::sqrt(off / all);
}

inline std::string NameOfCase(std::string name) {
  for (char& c : name) c = c == '-' || c == '/' ? '_' : c;
  return name;
}

}  // namespace hyprstream::testing
