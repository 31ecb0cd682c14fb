// A change that stops after any of its steps, as a kill stops it, leaves what the next
// `Store::Open` brings to what the catalogue says.
#include "registry/folder_change.h"

#include "adapters/catalog.h"
#include "stored.h"

namespace hyprstream::registry {
namespace {

using testing::KeyOf;
using testing::PublishTexts;
using testing::RecordOf;
using testing::StoreFolder;
using testing::Texts;
using testing::TextsIn;

const Texts kOld = {{"a", "old"}, {"sub/b", "both"}};
const Texts kNew = {{"a", "new"}, {"sub/b", "both"}, {"c", "more"}};

std::vector<FileRecord> RecordsOf(const Texts& texts) {
  std::vector<FileRecord> records;
  for (const auto& [path, text] : texts) records.push_back(RecordOf(path, text));
  return records;
}

// What the store does, by hand, as far as `steps`. True when the catalogue was changed.
bool PublishUntil(const StoreFolder& where, int steps) {
  const Descriptor root = OpenRoot(where.models(), Missing::kRefuse);
  const ContentFolder contents(where.models());
  Database database(adapters::CatalogPath(where.paths.data_home));
  FolderChange change(root.get(), where.models(), KeyOf("m"));
  if (steps == 0) return false;
  change.Build(RecordsOf(kNew), contents, FolderChange::Absent::kRefuse);
  if (steps == 1) return false;
  Transaction transaction(database);
  WriteModel(database, KeyOf("m"), RecordsOf(kNew), "");
  if (steps == 2) return false;
  change.Install();
  if (steps == 3) return false;
  transaction.Commit();
  if (steps == 4) return true;
  change.Finish();
  return true;
}

bool RemoveUntil(const StoreFolder& where, int steps) {
  const Descriptor root = OpenRoot(where.models(), Missing::kRefuse);
  Database database(adapters::CatalogPath(where.paths.data_home));
  FolderChange change(root.get(), where.models(), KeyOf("m"));
  if (steps == 0) return false;
  Transaction transaction(database);
  EraseModel(database, KeyOf("m"));
  if (steps == 1) return false;
  transaction.Commit();
  if (steps == 2) return true;
  change.TakeAway();
  if (steps == 3) return true;
  change.Finish();
  return true;
}

void ExpectWhole(const StoreFolder& where, const Texts& texts) {
  const Store store = where.Open();
  EXPECT_EQ(TextsIn(where.models() / "hf/org/m/r1"), texts);
  const auto model = store.Find("hf", "org", "m");
  EXPECT_EQ(model ? model->files : std::vector<FileRecord>(), RecordsOf(texts));
  EXPECT_TRUE(std::filesystem::is_empty(where.models() / ".staging"));
}

class Publishing : public ::testing::TestWithParam<int> {};

TEST_P(Publishing, OfANewModelStopsAnywhere) {
  const StoreFolder where;
  {
    Store store = where.Open();
    for (const auto& [path, text] : kNew) testing::KeepText(store, text);
  }
  const bool done = PublishUntil(where, GetParam());
  ExpectWhole(where, done ? kNew : Texts());
}

TEST_P(Publishing, OverAnotherStopsAnywhere) {
  const StoreFolder where;
  {
    Store store = where.Open();
    PublishTexts(store, KeyOf("m"), kOld);
    for (const auto& [path, text] : kNew) testing::KeepText(store, text);
  }
  const bool done = PublishUntil(where, GetParam());
  ExpectWhole(where, done ? kNew : kOld);
}

INSTANTIATE_TEST_SUITE_P(AfterStep, Publishing, ::testing::Range(0, 6));

class Removing : public ::testing::TestWithParam<int> {};

TEST_P(Removing, StopsAnywhere) {
  const StoreFolder where;
  {
    Store store = where.Open();
    PublishTexts(store, KeyOf("m"), kOld);
  }
  const bool done = RemoveUntil(where, GetParam());
  ExpectWhole(where, done ? Texts() : kOld);
}

INSTANTIATE_TEST_SUITE_P(AfterStep, Removing, ::testing::Range(0, 5));

TEST(FolderChange, ANoteThatWasNotFinishedIsSweptAway) {
  const StoreFolder where;
  {
    Store store = where.Open();
    PublishTexts(store, KeyOf("m"), kOld);
  }
  std::filesystem::create_directories(where.models() / ".staging/half");
  std::filesystem::create_directories(where.models() / ".staging/bad");
  std::ofstream(where.models() / ".staging/bad/target") << "hf\n..\n..\n..";
  std::ofstream(where.models() / ".staging/file") << "debris";
  ExpectWhole(where, kOld);
}

}  // namespace
}  // namespace hyprstream::registry
