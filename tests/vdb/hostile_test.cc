// Files made to deceive: single fields of a good file changed, checksums made right again.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/folder.h"
#include "vdb/damage.h"
#include "vdb/grid_case.h"
#include "vdb/stored_grid.h"

namespace hyprstream::vdb {
namespace {

using namespace ::hyprstream::testing;

class Hostile : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!IsBuilt(Backend::kVdb)) GTEST_SKIP() << "built without NanoVDB";
  }
  /// A file with three tiles, in one lower node.
  std::string Good(Encoding encoding) {
    const GridCase made("hostile", "metadata", {1, 2, 300}, 1);
    WriteGrid(folder_ / "good", made.content, encoding, Backend::kVdb);
    return Read(folder_ / "good");
  }
  std::string Opened(const std::string& bytes, Verify verify) {
    std::ofstream(folder_ / "bad", std::ios::binary) << bytes;
    try {
      StoredGrid::Open(folder_ / "bad", verify);
      return "opened";
    } catch (const Error& error) {
      return error.detail().expected + ", not " + error.detail().found;
    }
  }
  template <typename T>
  static void Put(std::string& bytes, size_t offset, T value) {
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
  }
  Folder folder_;
};

// Offsets in these files: payload at 256, TreeData at 928, root at 992, its tile at 1056, upper
// node at 1088, lower node after its 270,400 bytes, leaves after its 33,856.
constexpr size_t kUpper = 1088;
constexpr size_t kLower = kUpper + 270400;
constexpr size_t kLeaves = kLower + 33856;

TEST_F(Hostile, TheOffsetsOfThisTestAreThoseOfTheFormat) {
  const std::string good = Good(Encoding::kFp8);
  EXPECT_EQ(good.size(), kLeaves + 3 * 608 + 288 + 64);
  EXPECT_EQ(std::memcmp(good.data() + 256, "NanoVDB0", 8), 0);
}

TEST_F(Hostile, EveryForgedFieldIsRefusedAlsoWithRightChecksums) {
  struct Forgery {
    size_t offset;
    uint64_t value;
  };
  const std::vector<Forgery> forgeries = {
      {12, 2},                                        // grids in the segment
      {16, 1ull << 60},                               // size of the grid
      {16 + 24, 1ull << 60},                          // voxels
      {16 + 136, 0xFFFFFFFF00000040},                 // name size, then nodes
      {16 + 140, 0xFFFFFFFF},                         // leaves
      {16 + 144, 0xFFFFFFFFFFFFFFFF},                 // lower and upper nodes
      {256 + 32, 1ull << 62},                         // the grid's own size
      {256 + 640, 1ull << 40},                        // offset of the blind data
      {256 + 640, static_cast<uint64_t>(-4096)},      //
      {256 + 648, 0xFFFFFFFF},                        // number of blind data
      {928, 1ull << 50},                              // first leaf
      {928 + 24, static_cast<uint64_t>(-64)},         // root
      {928 + 32, 0xFFFFFFFFFFFFFFFF},                 // node counts
      {992 + 24, 0xFFFFFFFF},                         // root's table size
      {1056 + 8, static_cast<uint64_t>(-992)},        // root's child
      {kUpper + 8256, 1ull << 45},                    // upper node's children (table)
      {kLower + 1088 + 8, static_cast<uint64_t>(1)},  // lower node's child 1
      {kLeaves, 0x8000000080000000},                  // corner of a leaf
      {kLeaves + 608 + 8, 8},                         // corner of another
      {kLeaves + 8, 0x0200000000000008},              // corner's z and the flags
      {kLeaves + 80, 0x7F8000003F800000},             // scale: infinite quantum
      {kLeaves + 84, 0x3F800001},                     // quantum with too many bits
      {kLeaves + 80, 0x3F80000000000001},             // minimum that is no multiple
      {kLeaves + 3 * 608 + 8, 1ull << 62},            // size of the metadata
      {kLeaves + 3 * 608, 1ull << 62},                // where they lie
  };
  const std::string good = Good(Encoding::kFp8);
  for (const Forgery& forgery : forgeries) {
    std::string bad = good;
    Put(bad, forgery.offset, forgery.value);
    ASSERT_FALSE(bad == good) << forgery.offset;
    FixChecksums(bad);
    EXPECT_NE(Opened(bad, Verify::kStructure), "opened") << forgery.offset;
    EXPECT_NE(Opened(bad, Verify::kFull), "opened") << forgery.offset;
  }
}

TEST_F(Hostile, ValuesThatAreNoNumbersAndWrongMasksAreRefused) {
  std::string bad = Good(Encoding::kF32);
  Put(bad, kLeaves + 96, 0x7FC00000u);
  FixChecksums(bad);
  EXPECT_NE(Opened(bad, Verify::kFull), "opened");
  bad = Good(Encoding::kFp8);
  bad[kLeaves + 16] = static_cast<char>(bad[kLeaves + 16] ^ 3);  // two bits of the mask
  FixChecksums(bad);
  EXPECT_NE(Opened(bad, Verify::kFull), "opened");
}

TEST_F(Hostile, ChangedMetadataDoNotMatchTheIdentity) {
  std::string bad = Good(Encoding::kF32);
  const size_t at = bad.rfind("metadata");
  ASSERT_NE(at, std::string::npos);
  bad[at] = 'M';
  FixChecksums(bad);
  EXPECT_NE(Opened(bad, Verify::kFull), "opened");
}

}  // namespace
}  // namespace hyprstream::vdb
