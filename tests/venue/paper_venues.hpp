// The paper venue in its variants, each over each kind of book.
#pragma once

#include "tradeguard/paper_book.hpp"
#include "tradeguard/paper_venue.hpp"
#include "venues.hpp"

namespace tradeguard::contract {

// One account's book, and as many openings of it as there are processes.
class BookUnderTest {
 public:
  virtual ~BookUnderTest() = default;
  virtual std::unique_ptr<PaperBook> open() = 0;
};
struct BookKind {
  std::string name;
  std::function<std::unique_ptr<BookUnderTest>()> fresh;
};
const std::vector<BookKind>& books();

PaperSettings contract_settings();

class PaperUnderTest final : public VenueUnderTest {
 public:
  PaperUnderTest(std::unique_ptr<BookUnderTest> book, PaperSettings settings);
  OrderPlacer& placer() override { return *venue_; }
  SltpPlacer& protector() override { return *venue_; }
  ManualClock& clock() override { return clock_; }
  void trade_at(Price price) override;
  void set_clock_ahead(Micros span) override;
  FaultScript& faults() override { return faults_; }
  std::vector<Sighting> truth(const ClientOrderId& id) override;
  void restart() override;

  PaperVenue& venue() { return *venue_; }
  PaperBook& book() { return *book_; }

 private:
  ManualClock clock_;
  StepPrices prices_;
  FaultScript faults_;
  std::unique_ptr<BookUnderTest> stored_;
  PaperSettings settings_;
  std::unique_ptr<PaperBook> book_;
  std::unique_ptr<PaperVenue> venue_;
};

}  // namespace tradeguard::contract
