#include "cli/document.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "cli/terminal.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

TEST(Document, JsonIsReadBackAsTheSameValue) {
  const json::value value = {{"a", 1},
                             {"b", {{"c", "x\"\n\u00e9"}, {"d", json::array{}}}},
                             {"e", json::array{1, 2.5, nullptr}},
                             {"f", json::array{json::object{{"g", true}}}}};
  EXPECT_EQ(json::parse(Render(value, Format::kJson)), value);
}

TEST(Document, NumbersHaveAPoint) {
  const json::value value = json::array{10000.0, 1e-7, 1e300, 0.1, 1.0 / 3, 7};
  EXPECT_EQ(Render(value, Format::kJson),
            "[10000.0, 1.0e-07, 1.0e+300, 0.1, 0.3333333333333333, 7]\n");
}

TEST(Document, YamlQuotesWhatCouldBeReadAsSomethingElse) {
  const json::value value = {{"plain", "some words"}, {"number", "12"},    {"yes", "yes"},
                             {"colon", "a: b"},       {"empty", ""},       {"dash", "- x"},
                             {"null", nullptr},       {"list", {1, "two"}}};
  EXPECT_EQ(Render(value, Format::kYaml),
            "plain: some words\nnumber: \"12\"\n\"yes\": \"yes\"\ncolon: \"a: b\"\nempty: \"\"\n"
            "dash: \"- x\"\n\"null\": null\nlist:\n  - 1\n  - two\n");
}

TEST(Document, YamlIndentsObjectsInLists) {
  const json::value value = {
      {"rows",
       json::array{json::object{{"a", 1}, {"b", json::object{{"c", 2}}}}, json::object{{"a", 3}}}}};
  EXPECT_EQ(Render(value, Format::kYaml), "rows:\n  - a: 1\n    b:\n      c: 2\n  - a: 3\n");
}

TEST(Document, TableAlignsColumnsByCharactersNotBytes) {
  const json::value value =
      json::array{json::object{{"name", "é"}, {"n", 1}}, json::object{{"name", "abc"}}};
  EXPECT_EQ(Render(value, Format::kTable), "name  n\né     1\nabc   -\n");
}

TEST(Terminal, ControlCharactersAreShownNotSent) {
  EXPECT_EQ(Printable("a\x1b[31mb\nc\td\x7f"), "a\\x1b[31mb\nc\td\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "é\xe2\x82\xac"),
            "\\x9bé\xe2\x82\xac");
}

}  // namespace
}  // namespace hyprstream::cli
