// The syntax tree. Built by the parser, then only read: rendering threads share it. Its depth is
// bounded by the parser, so walking and freeing it may recurse.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/template/budget.h"
#include "text/template/operators.h"
#include "text/template/value.h"

namespace hyprstream::text::tmpl {

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;
using Body = std::vector<std::unique_ptr<Stmt>>;

/// A name, numbered: scopes compare numbers.
using NameId = uint32_t;

enum class ExprKind : uint8_t {
  kConstant,   // value
  kName,       // name, text
  kList,       // operands
  kTuple,      // operands
  kObject,     // operands: key, value, key, value, …
  kAttribute,  // operands[0].text
  kItem,       // operands[0][operands[1]]
  kSlice,      // operands[0][operands[1] : operands[2] : operands[3]], null where left out
  kCall,       // operands[0](arguments)
  kFilter,     // operands[0] | text(arguments); operands[0] null inside filter blocks
  kTest,       // operands[0] is text(arguments)
  kNot,
  kNegative,
  kPositive,
  kAnd,
  kOr,
  kConcat,        // operands joined by ~
  kArithmetic,    // arithmetic
  kCompare,       // operands[0] comparisons[0] operands[1] …
  kConditional,   // operands: condition, then, else or null
  kNamespaceRef,  // targets only: name.text
};

enum class CompareOp : uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn
};

struct Arguments {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star;         // *expression
  ExprPtr double_star;  // **expression
};

struct Expr {
  ExprKind kind = ExprKind::kConstant;
  Arithmetic arithmetic = Arithmetic::kAdd;
  int line = 0;
  int depth = 1;
  NameId name = 0;
  std::string text;
  Value value;
  std::vector<ExprPtr> operands;
  std::vector<CompareOp> comparisons;
  std::unique_ptr<Arguments> arguments;
};

enum class StmtKind : uint8_t {
  kText,         // text
  kPrint,        // expr
  kIf,           // branches, orelse
  kFor,          // target, expr, condition or null, body, orelse, recursive
  kSet,          // target, expr
  kSetBlock,     // target, filter or null, body
  kMacro,        // macro
  kCall,         // macro (the caller), expr (the call)
  kFilterBlock,  // expr (the filter chain), body
  kWith,         // bindings, body
  kScope,        // body: generation, block, autoescape false
  kBreak,
  kContinue,
  kNeedsLoader,  // include, import, from, extends
  kAutoescape,   // autoescape with anything but a constant false
};

struct Macro {
  std::string text;  // its name
  NameId name = 0;
  std::vector<std::pair<NameId, std::string>> parameters;
  std::vector<ExprPtr> defaults;  // of the last parameters
  Body body;
  bool uses_varargs = false;
  bool uses_kwargs = false;
  bool uses_caller = false;
};

struct Stmt {
  StmtKind kind = StmtKind::kText;
  bool recursive = false;
  int line = 0;
  std::string text;
  Value value;  // the text of kText
  ExprPtr target;
  ExprPtr expr;
  ExprPtr condition;
  std::vector<std::pair<ExprPtr, Body>> branches;
  std::vector<std::pair<ExprPtr, ExprPtr>> bindings;
  Body body;
  Body orelse;
  std::unique_ptr<Macro> macro;
};

struct Tree {
  Body body;
  std::vector<std::string> names;  // by NameId
  uint64_t bytes = 0;              // about what the tree occupies
};

}  // namespace hyprstream::text::tmpl
