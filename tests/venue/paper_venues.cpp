#include "paper_venues.hpp"

#include "orders.hpp"
#include "sql_books.hpp"

namespace tradeguard::contract {
namespace {

// A process of its own over a book that lives on in this one.
class Opened final : public PaperBook {
 public:
  explicit Opened(MemoryPaperBook& book) : book_{book} {}
  Result<void> open(const PaperWanted& wanted) override { return book_.open(wanted); }
  PaperState& state() override { return book_.state(); }
  Result<void> close(const PaperChanges& changes) override { return book_.close(changes); }
  void abandon() noexcept override { book_.abandon(); }
  Result<std::vector<PaperFill>> fills(Instant since) override { return book_.fills(since); }

 private:
  MemoryPaperBook& book_;
};

class MemoryBook final : public BookUnderTest {
 public:
  std::unique_ptr<PaperBook> open() override { return std::make_unique<Opened>(book_); }

 private:
  MemoryPaperBook book_;
};

struct Variant {
  std::string name;
  PaperSettings settings;
  bool in_every_book = false;  // the others differ in what the exchange does, not in what it keeps
};

std::vector<Variant> variants() {
  std::vector<Variant> all;
  all.push_back({"paper", contract_settings(), true});

  all.push_back({"paper without pairs", contract_settings()});
  all.back().settings.oco = false;

  all.push_back({"paper with stop-limits only", contract_settings()});
  all.back().settings.stop_market = false;

  all.push_back({"paper that takes ids twice", contract_settings()});
  all.back().settings.duplicate_ids_refused = false;
  all.back().settings.fee_in = FeeIn::quote;

  all.push_back({"paper that acknowledges only", contract_settings(), true});
  all.back().settings.asynchronous = true;
  all.back().settings.visible_after = 300ms;
  all.back().settings.fees_on_request = true;
  all.back().settings.fired_gets_number = true;
  return all;
}

}  // namespace

PaperSettings contract_settings() {
  PaperSettings settings;
  settings.balances = {{"USDT", Decimal{10'000}}};
  settings.rules.emplace(eth(), InstrumentRules{.symbol = eth(),
                                                .tick = price("0.01"),
                                                .step = qty("0.0001"),
                                                .min_quantity = qty("0.001"),
                                                .max_quantity = qty("1000"),
                                                .min_notional = money("5"),
                                                .highest_fee_rate = dec("0.001"),
                                                .max_open_stops = 0,
                                                .tradable = true,
                                                .read_at = {}});
  return settings;
}

const std::vector<BookKind>& books() {
  static const auto all = [] {
    std::vector<BookKind> kinds{{"memory", [] { return std::make_unique<MemoryBook>(); }}};
    for (const auto& database : databases()) {
      kinds.push_back({database.name, [&database] { return std::make_unique<SqlBook>(database.fresh()); }});
    }
    return kinds;
  }();
  return all;
}

const std::vector<VenueKind>& venues() {
  static const auto all = [] {
    std::vector<VenueKind> kinds;
    for (const auto& book : books()) {
      for (const auto& variant : variants()) {
        if (&book != &books().front() && !variant.in_every_book) continue;
        kinds.push_back({variant.name + " in " + book.name, [&book, variant] {
                           return std::make_unique<PaperUnderTest>(book.fresh(), variant.settings);
                         }});
      }
    }
    return kinds;
  }();
  return all;
}

PaperUnderTest::PaperUnderTest(std::unique_ptr<BookUnderTest> book, PaperSettings settings)
    : clock_{at("2025-01-01T12:00:00Z")}, stored_{std::move(book)}, settings_{std::move(settings)} {
  // Known for a while already, so that a venue whose clock is behind knows it too.
  prices_.set(eth(), price("3000"), clock_.now() - 1h);
  settings_.prices = &prices_;
  settings_.faults = &faults_;
  restart();
}

void PaperUnderTest::trade_at(Price price) { prices_.set(eth(), price, clock_.now() + settings_.offset); }

void PaperUnderTest::set_clock_ahead(Micros span) {
  settings_.offset = span;
  venue_->set_offset(span);
}

std::vector<Sighting> PaperUnderTest::truth(const ClientOrderId& id) {
  const auto book = stored_->open();
  auto settings = settings_;
  settings.faults = nullptr;
  PaperVenue observer{clock_, *book, settings};
  const OrderQuery query{id, "", "", eth(), Leg::entry, true, {}};
  const auto lookup = observer.find(std::span{&query, 1}).at(0);
  return lookup.value().found;
}

void PaperUnderTest::restart() {
  venue_.reset();
  book_.reset();
  book_ = stored_->open();
  venue_ = std::make_unique<PaperVenue>(clock_, *book_, settings_);
}

}  // namespace tradeguard::contract
