#include "text/template/attributes.h"

#include <algorithm>
#include <numeric>

#include "text/template/cases.h"
#include "text/template/numbers.h"
#include "text/template/operators.h"

namespace hyprstream::text::tmpl {

AttributePath::AttributePath(Budget& budget, const Value& attribute) {
  if (attribute.is_none()) return;
  if (!attribute.is_string()) {
    keys_.push_back(attribute);
    return;
  }
  for (const StrView& part : Split(budget, StrView(attribute), ".", -1)) {
    const bool number =
        !part.empty() && part.text().find_first_not_of("0123456789") == std::string_view::npos;
    keys_.push_back(number ? ParseInteger(part.text(), 10).value_or(Value())
                           : MakeString(budget, part));
  }
}

Value AttributePath::Get(Interp& interp, const Value& item, const Value* otherwise) const {
  Value value = item;
  for (const Value& key : keys_) {
    value = interp.Item(value, key);
    if (otherwise != nullptr && value.is_undefined()) value = *otherwise;
  }
  return value;
}

Value SortKey(Budget& budget, const Value& value, CaseRule rule) {
  return rule == CaseRule::kIgnore && value.is_string() ? ToLower(budget, value) : value;
}

namespace {

// A merge sort of its own: std::stable_sort may read out of bounds when the order, which the
// template supplies, is not one (NaN).
void MergeSort(Budget& budget, const std::vector<Value>& keys, bool reverse,
               std::vector<size_t>& order, std::vector<size_t>& room, size_t begin, size_t end) {
  if (end - begin < 2) return;
  const size_t middle = begin + (end - begin) / 2;
  MergeSort(budget, keys, reverse, order, room, begin, middle);
  MergeSort(budget, keys, reverse, order, room, middle, end);
  size_t left = begin;
  size_t right = middle;
  for (size_t at = begin; at < end; ++at) {
    bool take_right = left == middle;
    if (!take_right && right < end) {
      const Value& a = keys[order[left]];
      const Value& b = keys[order[right]];
      take_right = reverse ? Less(budget, a, b) : Less(budget, b, a);
    }
    room[at] = take_right ? order[right++] : order[left++];
  }
  std::copy(room.begin() + static_cast<ptrdiff_t>(begin),
            room.begin() + static_cast<ptrdiff_t>(end),
            order.begin() + static_cast<ptrdiff_t>(begin));
}

}  // namespace

std::vector<size_t> SortedOrder(Budget& budget, const std::vector<Value>& keys, bool reverse) {
  const Charge charge(budget, 2 * keys.size() * sizeof(size_t));
  std::vector<size_t> order(keys.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::vector<size_t> room(keys.size());
  MergeSort(budget, keys, reverse, order, room, 0, keys.size());
  return order;
}

}  // namespace hyprstream::text::tmpl
