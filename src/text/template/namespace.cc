#include "text/template/namespace.h"

#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {

std::optional<Value> Namespace::Attribute(Interp&, std::string_view name) const {
  for (const auto& [key, value] : attributes_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

void Namespace::Set(Budget& budget, const std::string& name, Value value) {
  if (name.starts_with('_')) {
    Raise(TemplateErrorKind::kSecurity,
          "a chat template cannot store an attribute that begins with an underscore on a "
          "namespace, but got '" +
              name + "'");
  }
  for (auto& [key, old] : attributes_) {
    budget.Step();
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  Charge larger(budget, (attributes_.size() + 1) * 2 * sizeof(attributes_[0]));
  attributes_.emplace_back(name, std::move(value));
  charge_ = std::move(larger);
}

Value Namespace::ToObject(Budget& budget) const {
  ObjectBuilder object(budget);
  for (const auto& [key, value] : attributes_) object.Set(MakeText(budget, key), value);
  return object.Finish();
}

}  // namespace hyprstream::text::tmpl
