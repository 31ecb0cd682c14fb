#include "model/model.h"

#include <algorithm>
#include <string>

#include "base/hash.h"
#include "model/decoder.h"
#include "model/tensor_source.h"
#include "model/weights.h"

namespace hyprstream::model {
namespace {

std::string Fingerprint(const formats::ModelFiles& files) {
  constexpr size_t kSample = 256;
  Sha256 hash;
  const auto add = [&](std::string_view text) { hash.Update(std::as_bytes(std::span(text))); };
  add(files.config_json());
  for (const auto& [name, view] : files.tensors()) {
    add(name);
    add(Name(view.dtype));
    add(view.shape.ToString());
    const size_t size = view.bytes.size();
    const size_t sample = std::min(kSample, size);
    for (const size_t offset : {size_t{0}, (size - sample) / 2, size - sample}) {
      hash.Update(view.bytes.subspan(offset, sample));
    }
  }
  return ToHex(hash.Finish());
}

Weights LoadWeights(const formats::ModelFiles& files, const ModelConfig& config,
                    const std::string& fingerprint, ops::Context& context,
                    const LoadOptions& options) {
  const std::unique_ptr<TensorSource> source = MakeFilesSource(files, config);
  // Exact arithmetic packs nothing.
  if (options.arithmetic != ops::Arithmetic::kServing) {
    return ReadWeights(*source, config, context, options);
  }
  const RepackCache cache(files, fingerprint, ops::LinearWeight::PackedLayout(context),
                          options.repack);
  std::shared_ptr<const RepackedFile> found = cache.Open(context.pool);
  Weights weights = ReadWeights(*source, config, context, options, found.get());
  if (found != nullptr) {
    weights.storage.push_back(std::move(found));
  } else if (std::shared_ptr<const void> writing = cache.Store(weights.packed_here)) {
    weights.storage.push_back(std::move(writing));
  }
  return weights;
}

}  // namespace

std::shared_ptr<const Model> Model::Load(std::shared_ptr<const formats::ModelFiles> files,
                                         ops::Context& context, const LoadOptions& options) {
  ModelConfig config = ReadConfig(*files);
  Reservation reservation;
  if (options.budget != nullptr) {
    reservation = Reservation(*options.budget, MemoryUse::kWeights, {files->tensor_bytes()},
                              "the model " + files->path().string());
  }
  std::string fingerprint = Fingerprint(*files);
  Weights weights = LoadWeights(*files, config, fingerprint, context, options);
  return std::make_shared<Decoder>(std::move(config), std::move(weights), std::move(files),
                                   std::move(fingerprint), std::move(reservation));
}

}  // namespace hyprstream::model
