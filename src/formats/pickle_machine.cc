#include "formats/pickle_machine.h"

#include <bit>

#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

constexpr size_t kMaxStack = 1'000'000;
constexpr std::string_view kWhat = "the pickle";

enum Instruction : uint8_t {
  kMark = '(',
  kStop = '.',
  kEmptyTuple = ')',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kEmptyList = ']',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyDict = '}',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
};

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void PickleMachine::Fail(std::string message, std::string found) const {
  throw Error(ErrorCode::kDataLoss,
              {.message = std::move(message),
               .found = std::move(found),
               .where = "data.pkl, offset " + std::to_string(instruction_offset_)});
}

void PickleMachine::Run() {
  if (reader_.Number<uint8_t>(kWhat) != kProto || reader_.Number<uint8_t>(kWhat) != 2) {
    throw Error(ErrorCode::kUnsupported, {.message = "the pickle is of another protocol",
                                          .expected = "protocol 2, as torch.save writes",
                                          .where = "data.pkl, offset 0"});
  }
  while (true) {
    instruction_offset_ = reader_.offset();
    const auto instruction = reader_.Number<uint8_t>(kWhat);
    if (instruction == kStop) break;
    Step(instruction);
  }
  pickle_.root_ = Pop();
  if (!stack_.empty() || !marks_.empty()) Fail("the pickle leaves values behind");
}

void PickleMachine::Step(uint8_t instruction) {
  if (StepLiteral(instruction) || StepContainer(instruction) || StepMemo(instruction)) return;
  switch (instruction) {
    case kGlobal:
      return Global();
    case kReduce:
      return Reduce();
    case kBinPersId:
      return PersistentId();
    case kBuild:
      return Build();
    default:
      Fail("the pickle has an instruction that is not allowed", std::to_string(instruction));
  }
}

bool PickleMachine::StepLiteral(uint8_t instruction) {
  switch (instruction) {
    case kNone:
      Push(std::monostate{});
      return true;
    case kNewTrue:
      Push(true);
      return true;
    case kNewFalse:
      Push(false);
      return true;
    case kBinInt1:
      Push(int64_t{reader_.Number<uint8_t>(kWhat)});
      return true;
    case kBinInt2:
      Push(int64_t{reader_.Number<uint16_t>(kWhat)});
      return true;
    case kBinInt:
      Push(int64_t{reader_.Number<int32_t>(kWhat)});
      return true;
    case kLong1:
      Push(Long());
      return true;
    case kBinFloat:
      Push(BigEndianDouble());
      return true;
    case kBinUnicode:
      Push(std::string(AsText(reader_.Take(reader_.Number<uint32_t>(kWhat), kWhat))));
      return true;
    case kShortBinString:
      Push(std::string(AsText(reader_.Take(reader_.Number<uint8_t>(kWhat), kWhat))));
      return true;
    default:
      return false;
  }
}

bool PickleMachine::StepContainer(uint8_t instruction) {
  switch (instruction) {
    case kMark:
      if (marks_.size() >= kMaxStack) Fail("the pickle's stack is too deep");
      marks_.push_back(stack_.size());
      return true;
    case kEmptyDict:
      Push(PickleDict{});
      return true;
    case kEmptyList:
      Push(PickleList{});
      return true;
    case kEmptyTuple:
      Push(PickleTuple{});
      return true;
    case kTuple:
      Push(PickleTuple{PopToMark()});
      return true;
    case kTuple1:
      PushTuple(1);
      return true;
    case kTuple2:
      PushTuple(2);
      return true;
    case kTuple3:
      PushTuple(3);
      return true;
    case kAppend:
      Append({Pop()});
      return true;
    case kAppends:
      Append(PopToMark());
      return true;
    case kSetItem: {
      const PickleValue* value = Pop();
      const PickleValue* key = Pop();
      SetItems({key, value});
      return true;
    }
    case kSetItems:
      SetItems(PopToMark());
      return true;
    default:
      return false;
  }
}

bool PickleMachine::StepMemo(uint8_t instruction) {
  switch (instruction) {
    case kBinPut:
      Remember(reader_.Number<uint8_t>(kWhat));
      return true;
    case kLongBinPut:
      Remember(reader_.Number<uint32_t>(kWhat));
      return true;
    case kBinGet:
      Recall(reader_.Number<uint8_t>(kWhat));
      return true;
    case kLongBinGet:
      Recall(reader_.Number<uint32_t>(kWhat));
      return true;
    default:
      return false;
  }
}

template <typename T>
void PickleMachine::Push(T value) {
  if (pickle_.values_.size() >= Pickle::kMaxValues || stack_.size() >= kMaxStack) {
    throw Error(ErrorCode::kLimit,
                {.message = "the pickle holds too many values",
                 .expected = "at most " + std::to_string(Pickle::kMaxValues),
                 .where = "data.pkl, offset " + std::to_string(instruction_offset_)});
  }
  pickle_.values_.push_back({std::move(value)});
  stack_.push_back(&pickle_.values_.back());
}

PickleValue* PickleMachine::Pop() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
    Fail("the pickle takes what is not there");
  PickleValue* value = stack_.back();
  stack_.pop_back();
  return value;
}

PickleList PickleMachine::PopToMark() {
  if (marks_.empty()) Fail("the pickle lacks a mark");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  PickleList items(begin, stack_.end());
  stack_.erase(begin, stack_.end());
  marks_.pop_back();
  return items;
}

PickleValue& PickleMachine::Top() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back()))
    Fail("the pickle takes what is not there");
  return *stack_.back();
}

void PickleMachine::PushTuple(size_t count) {
  PickleList items(count);
  for (size_t i = count; i > 0; --i) items[i - 1] = Pop();
  Push(PickleTuple{std::move(items)});
}

void PickleMachine::SetItems(const PickleList& pairs) {
  auto* dict = std::get_if<PickleDict>(&Top().value);
  if (dict == nullptr || pairs.size() % 2 != 0) Fail("the pickle sets items wrongly");
  for (size_t i = 0; i < pairs.size(); i += 2) dict->items.emplace_back(pairs[i], pairs[i + 1]);
}

void PickleMachine::Append(const PickleList& items) {
  auto* list = std::get_if<PickleList>(&Top().value);
  if (list == nullptr) Fail("the pickle appends to what is no list");
  list->insert(list->end(), items.begin(), items.end());
}

void PickleMachine::Remember(uint64_t index) {
  PickleValue* top = &Top();
  if (memo_.size() >= Pickle::kMaxValues) Fail("the pickle remembers too much");
  memo_[index] = top;
}

void PickleMachine::Recall(uint64_t index) {
  const auto found = memo_.find(index);
  if (found == memo_.end()) Fail("the pickle recalls what it never stored", std::to_string(index));
  if (stack_.size() >= kMaxStack) Fail("the pickle's stack is too deep");
  stack_.push_back(found->second);
}

/// Little-endian two's complement of at most eight bytes.
int64_t PickleMachine::Long() {
  const auto bytes = reader_.Take(reader_.Number<uint8_t>(kWhat), kWhat);
  if (bytes.size() > 8) Fail("the pickle has a number beyond 64 bits");
  const bool negative = !bytes.empty() && (static_cast<uint8_t>(bytes.back()) & 0x80) != 0;
  uint64_t value = negative ? ~uint64_t{0} : 0;
  for (size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i - 1]);
  return static_cast<int64_t>(value);
}

double PickleMachine::BigEndianDouble() {
  uint64_t bits = 0;
  for (const std::byte byte : reader_.Take(8, kWhat)) bits = bits << 8 | static_cast<uint8_t>(byte);
  return std::bit_cast<double>(bits);
}

std::string_view PickleMachine::Line() {
  constexpr uint64_t kMaxLine = 256;
  ByteReader ahead = reader_;
  uint64_t length = 0;
  while (ahead.Number<char>(kWhat) != '\n') {
    if (++length > kMaxLine) Fail("the pickle has a name that is too long");
  }
  const std::string_view line = AsText(reader_.Take(length, kWhat));
  reader_.Take(1, kWhat);
  return line;
}

template void PickleMachine::Push(PickledTensor value);
template void PickleMachine::Push(PickledStorage value);
template void PickleMachine::Push(PickleStorageType value);
template void PickleMachine::Push(PickleFunction value);

}  // namespace hyprstream::formats
