// The stack machine behind Pickle: one function per kind of instruction.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/byte_reader.h"
#include "formats/pickle.h"

namespace hyprstream::formats {

class PickleMachine {
 public:
  PickleMachine(Pickle& pickle, std::span<const std::byte> bytes)
      : pickle_(pickle), reader_(bytes) {}

  /// Runs to the STOP instruction and sets the pickle's root.
  void Run();

 private:
  [[noreturn]] void Fail(std::string message, std::string found = {}) const;
  void Step(uint8_t instruction);
  bool StepLiteral(uint8_t instruction);
  bool StepContainer(uint8_t instruction);
  bool StepMemo(uint8_t instruction);

  template <typename T>
  void Push(T value);
  PickleValue* Pop();
  PickleList PopToMark();
  PickleValue& Top();
  void PushTuple(size_t count);
  void SetItems(const PickleList& pairs);
  void Append(const PickleList& items);
  void Remember(uint64_t index);
  void Recall(uint64_t index);

  void Global();
  void Reduce();
  void PersistentId();
  void Build();
  int64_t Long();
  double BigEndianDouble();
  std::string_view Line();

  PickledTensor RebuildTensor(const PickleTuple& arguments) const;
  std::vector<int64_t> Sizes(const PickleValue& value) const;

  Pickle& pickle_;
  ByteReader reader_;
  uint64_t instruction_offset_ = 0;
  std::vector<PickleValue*> stack_;
  std::vector<size_t> marks_;
  std::map<uint64_t, PickleValue*> memo_;
};

}  // namespace hyprstream::formats
