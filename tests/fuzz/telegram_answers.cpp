// Telegram's answers: one of seven meanings, and no text holds the token or grows.
#include "fuzz.hpp"
#include "telegram_wire.hpp"

using namespace tradeguard;
using namespace tradeguard::fuzz;

namespace {

constexpr std::string_view token = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";

void check_text(const std::string& why) {
  require(!why.empty() && why.size() < 1000, "an error is short and says something");
  require(why.find("AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw") == std::string::npos, "without the token");
  for (const char c : why) require(static_cast<unsigned char>(c) >= 0x20, "an error is one line");
}

}  // namespace

// The first line is the status, the second the Retry-After header, the rest the body. '%' stands
// for the token, which no input would find by itself.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes{data, size};
  HttpResponse response;
  for (const char c : bytes.line().substr(0, 4))
    if (c >= '0' && c <= '9') response.status = response.status * 10 + (c - '0');
  response.headers = {{"retry-after", std::string{bytes.line()}}};
  for (const char c : bytes.rest()) c == '%' ? response.body.append(token) : response.body.append(1, c);

  std::visit(overloaded{
                 [&](const Delivered&) { require(response.status == 200, "200 is delivered"); },
                 [](const TryLater& later) {
                   require(later.after >= 1s && later.after <= 1h, "a wait can be believed");
                   check_text(later.why);
                 },
                 [&](const Undeliverable& never) {
                   require(response.status == 400, "only words about the message are final");
                   check_text(never.why);
                 },
                 [](const telegram::AskedToWait& wait) {
                   require(wait.after >= 1s && wait.after <= 1h, "a silence can be believed");
                   check_text(wait.why);
                 },
                 [](const telegram::MovedTo& there) {
                   require(!there.chat_id.empty() && there.chat_id != "0", "somewhere else");
                 },
                 [](const telegram::MarkupRefused& refused) { check_text(refused.why); },
                 [](const telegram::ThreadGone& gone) { check_text(gone.why); },
             },
             telegram::read_answer(HttpResult{response}, token));
  return 0;
}
