#include "../fake_venue/fake_venue_client.hpp"
#include "notifier_backends.hpp"
#include "tradeguard/https_transport.hpp"
#include "tradeguard/telegram_notifier.hpp"

namespace tradeguard::contract {

namespace {

// One server for all cases: each begins with a reset of it.
fake::FakeVenueProcess& server() {
  static fake::FakeVenueProcess process;
  return process;
}

HttpsSettings https_to_server() {
  HttpsSettings settings;
  settings.base = parse_base_url(server().url()).value();
  settings.ca_file = server().ca_file();
  settings.limits = telegram_limits(Micros{0});
  return settings;
}

class TelegramReader final : public NotifierUnderTest {
 public:
  TelegramReader() { server().reset(); }
  Notifier& notifier() override { return notifier_; }
  std::string what_arrived() override {
    std::string all;
    for (const std::string& message : server().messages()) all += message + "\n\n";
    return all;
  }
  void break_the_way() override {
    server().fault("sendMessage", {{"status", "502"}, {"body", "html"}, {"times", "0"}});
  }
  void mend_the_way() override { server().clear_faults(); }
  bool network() const override { return true; }

 private:
  SystemClock clock_;
  HttpsTransport transport_{https_to_server(), clock_};
  TelegramNotifier notifier_{transport_, Secret{std::string{fake::FakeVenueProcess::bot_token}},
                             TelegramSettings{std::string{fake::FakeVenueProcess::chat_id}, {}}, clock_};
};

}  // namespace

std::unique_ptr<NotifierUnderTest> fresh_telegram_notifier() { return std::make_unique<TelegramReader>(); }

}  // namespace tradeguard::contract
