// Files are read by NanoVDB's own tools, which know nothing of this program.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include "base/folder.h"
#include "vdb/grid_case.h"
#include "vdb/stored_grid.h"

namespace hyprstream::vdb {
namespace {

using namespace ::hyprstream::testing;

struct Outcome {
  int status = 0;
  std::string output;
};

Outcome RunTool(const std::string& command) {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  Outcome outcome;
  char piece[4096];
  for (size_t got = 0; (got = std::fread(piece, 1, sizeof(piece), pipe)) > 0;) {
    outcome.output.append(piece, got);
  }
  outcome.status = WEXITSTATUS(::pclose(pipe));
  return outcome;
}

/// The words of the tool's one line about grid 1.
std::vector<std::string> GridLine(const std::string& output) {
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("1 ")) continue;
    std::istringstream words(line);
    return {std::istream_iterator<std::string>(words), {}};
  }
  return {};
}

bool Contains(const std::vector<std::string>& words, const std::string& word) {
  return std::ranges::find(words, word) != words.end();
}

class StockTools : public ::testing::TestWithParam<Encoding> {
 protected:
  void SetUp() override {
    if (!IsBuilt(Backend::kVdb)) GTEST_SKIP() << "built without NanoVDB";
    if (RunTool("nanovdb_print --version").status != 0) {
      GTEST_SKIP() << "nanovdb_print is not installed (package libnanovdb-tools)";
    }
  }
  std::string path() const { return folder_ / "adapter.nvdb"; }
  Folder folder_;
};

TEST_P(StockTools, NanovdbPrintListsNameTypeAndCounts) {
  const GridCase made("willow.tone@7", "{}", ScatteredTiles(), 1);
  WriteGrid(path(), made.content, GetParam(), Backend::kVdb);
  const TileStatistics counted = StoredGrid::Open(path())->Recount();
  const Outcome printed = RunTool("nanovdb_print -l " + path());
  ASSERT_EQ(printed.status, 0) << printed.output;
  const std::vector<std::string> words = GridLine(printed.output);
  ASSERT_GT(words.size(), 5u) << printed.output;
  EXPECT_EQ(words[1], "willow.tone@7");
  EXPECT_EQ(words[2], GetParam() == Encoding::kFp8 ? "Float8" : "float");
  EXPECT_TRUE(Contains(words, std::to_string(counted.nonzeros))) << printed.output;
  EXPECT_TRUE(Contains(words, "4->8->" + std::to_string(counted.tiles))) << printed.output;
}

TEST_P(StockTools, NanovdbValidateAcceptsTheFileAndFindsAChangedValue) {
  for (const bool empty : {true, false}) {
    const GridCase made("checked", "{}", empty ? std::set<uint64_t>{} : FirstTiles(3), 2);
    WriteGrid(path(), made.content, GetParam(), Backend::kVdb);
    const Outcome good = RunTool("nanovdb_validate -v " + path());
    EXPECT_NE(good.output.find("\"checked\": passed"), std::string::npos) << good.output;
  }
  std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path()));
  file.seekp(size - 700);  // inside the last leaf's values
  file.put('\x55').put('\x11').put('\x7');
  file.close();
  const Outcome bad = RunTool("nanovdb_validate -v " + path());
  EXPECT_NE(bad.output.find("\"checked\": failed"), std::string::npos) << bad.output;
}

TEST_P(StockTools, NanovdbConvertReadsEveryActiveVoxel) {
  const GridCase made("converted", "{}", ScatteredTiles(), 3);
  WriteGrid(path(), made.content, GetParam(), Backend::kVdb);
  const std::string vdb = folder_ / "adapter.vdb";
  const std::string again = folder_ / "again.nvdb";
  ASSERT_EQ(RunTool("nanovdb_convert -f " + path() + " " + vdb).status, 0);
  ASSERT_EQ(RunTool("nanovdb_convert -f " + vdb + " " + again).status, 0);
  const TileStatistics counted = StoredGrid::Open(path())->Recount();
  const Outcome printed = RunTool("nanovdb_print -l " + again);
  EXPECT_TRUE(Contains(GridLine(printed.output), std::to_string(counted.nonzeros)))
      << printed.output;
}

INSTANTIATE_TEST_SUITE_P(Encodings, StockTools, ::testing::Values(Encoding::kF32, Encoding::kFp8),
                         [](const auto& given) {
                           return given.param == Encoding::kFp8 ? "codes" : "floats";
                         });

}  // namespace
}  // namespace hyprstream::vdb
