#include "engine/learning/held_out.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "base/hash.h"

namespace hyprstream::engine {
namespace {

constexpr size_t kEnoughToSpare = 5;

void Hash(Sha256& hash, std::span<const int32_t> values) {
  const uint64_t size = values.size();
  hash.Update(std::as_bytes(std::span(&size, 1)));
  hash.Update(std::as_bytes(values));
}

// What the last of its samples wants to be said.
std::vector<int32_t> AnswerOf(const Lesson& lesson) {
  std::vector<int32_t> answer;
  if (lesson.samples.empty()) return answer;
  for (const int32_t label : lesson.samples.back().labels) {
    if (label != training::kIgnoredLabel) answer.push_back(label);
  }
  return answer;
}

struct Candidate {
  std::string content;
  size_t index;
  friend auto operator<=>(const Candidate&, const Candidate&) = default;
};

std::vector<std::string> ContentsOf(std::span<const Lesson> lessons) {
  std::vector<std::string> contents;
  for (const Lesson& lesson : lessons) contents.push_back(ContentOf(lesson));
  return contents;
}

}  // namespace

std::string ContentOf(const Lesson& lesson) {
  Sha256 hash;
  for (const training::Sample& sample : lesson.samples) {
    Hash(hash, sample.ids);
    Hash(hash, sample.labels);
  }
  return ToHex(hash.Finish());
}

HeldOutChoice ChooseHeldOut(std::span<const Lesson> fresh, std::span<const Lesson> trained) {
  const std::vector<std::string> contents = ContentsOf(fresh);
  std::map<std::string, int64_t> seen;            // how often each content is there
  std::map<std::vector<int32_t>, int64_t> teach;  // how many samples that are trained on say this
  for (const std::string& content : ContentsOf(trained)) ++seen[content];
  for (const std::string& content : contents) ++seen[content];
  for (const Lesson& lesson : trained) ++teach[AnswerOf(lesson)];
  for (const Lesson& lesson : fresh) ++teach[AnswerOf(lesson)];

  std::vector<Candidate> candidates;
  for (size_t i = 0; i < fresh.size(); ++i) {
    if (!fresh[i].feedback && seen[contents[i]] == 1) candidates.push_back({contents[i], i});
  }
  std::ranges::sort(candidates);
  std::set<size_t> chosen;
  const size_t most = std::max<size_t>(1, fresh.size() / 5);
  for (const Candidate& candidate : candidates) {
    int64_t& teachers = teach[AnswerOf(fresh[candidate.index])];
    if (chosen.size() >= most || teachers < 2) continue;
    chosen.insert(candidate.index);
    --teachers;
  }
  if (chosen.empty() && fresh.size() >= kEnoughToSpare) {
    const size_t few = std::max<size_t>(1, fresh.size() / 10);
    for (const Candidate& candidate : candidates) {
      if (chosen.size() < few) chosen.insert(candidate.index);
    }
  }
  HeldOutChoice choice;
  for (size_t i = 0; i < fresh.size(); ++i) {
    (chosen.contains(i) ? choice.held_out : choice.train).push_back(i);
  }
  return choice;
}

std::vector<size_t> Reservoir(std::span<const Lesson> held_out, std::span<const Lesson> trained,
                              size_t limit) {
  std::set<std::string> seen;
  for (const std::string& content : ContentsOf(trained)) seen.insert(content);
  std::vector<Candidate> candidates;
  for (size_t i = 0; i < held_out.size(); ++i) {
    std::string content = ContentOf(held_out[i]);
    if (seen.insert(content).second) candidates.push_back({std::move(content), i});
  }
  std::ranges::sort(candidates);
  if (candidates.size() > limit) candidates.resize(limit);
  std::vector<size_t> chosen;
  for (const Candidate& candidate : candidates) chosen.push_back(candidate.index);
  std::ranges::sort(chosen);
  return chosen;
}

}  // namespace hyprstream::engine
