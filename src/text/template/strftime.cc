#include "text/template/strftime.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace hyprstream::text::tmpl {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};

std::string Number(int value, int width, char fill = '0') {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, fill == '0' ? "%0*d" : "%*d", width, value);
  return buffer;
}

int WeekOfYear(const std::tm& t, int first_day) {
  return (t.tm_yday + 7 - (t.tm_wday + 7 - first_day) % 7) / 7;
}

// ISO 8601: the week that holds the year's first Thursday is week 1.
std::pair<int, int> IsoWeek(const std::tm& t) {
  const int year = t.tm_year + 1900;
  const int weekday = (t.tm_wday + 6) % 7;
  const auto days = [](int y) { return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) ? 366 : 365; };
  const int week = (t.tm_yday - weekday + 10) / 7;
  const auto weeks = [&](int y, int jan1) {  // jan1: 0 is Monday
    return jan1 == 3 || (jan1 == 2 && days(y) == 366) ? 53 : 52;
  };
  const int jan1 = ((weekday - t.tm_yday) % 7 + 7) % 7;
  if (week < 1) {
    const int before = ((jan1 - days(year - 1)) % 7 + 7) % 7;
    return {year - 1, weeks(year - 1, before)};
  }
  if (week > weeks(year, jan1)) return {year + 1, 1};
  return {year, week};
}

std::string Directive(char c, const std::tm& t, int64_t seconds, bool plain) {
  const int width = plain ? 1 : 2;
  const int hour12 = t.tm_hour % 12 == 0 ? 12 : t.tm_hour % 12;
  switch (c) {
    case 'Y':
      return std::to_string(t.tm_year + 1900);
    case 'C':
      return Number((t.tm_year + 1900) / 100, width);
    case 'y':
      return Number((t.tm_year + 1900) % 100, width);
    case 'm':
      return Number(t.tm_mon + 1, width);
    case 'd':
      return Number(t.tm_mday, width);
    case 'e':
      return Number(t.tm_mday, width, ' ');
    case 'H':
      return Number(t.tm_hour, width);
    case 'I':
      return Number(hour12, width);
    case 'k':
      return Number(t.tm_hour, width, ' ');
    case 'l':
      return Number(hour12, width, ' ');
    case 'M':
      return Number(t.tm_min, width);
    case 'S':
      return Number(t.tm_sec, width);
    case 'j':
      return Number(t.tm_yday + 1, plain ? 1 : 3);
    case 'w':
      return std::to_string(t.tm_wday);
    case 'u':
      return std::to_string(t.tm_wday == 0 ? 7 : t.tm_wday);
    case 'U':
      return Number(WeekOfYear(t, 0), width);
    case 'W':
      return Number(WeekOfYear(t, 1), width);
    case 'V':
      return Number(IsoWeek(t).second, width);
    case 'G':
      return std::to_string(IsoWeek(t).first);
    case 'g':
      return Number(IsoWeek(t).first % 100, width);
    case 'f':
      return "000000";
    case 'p':
      return t.tm_hour < 12 ? "AM" : "PM";
    case 'P':
      return t.tm_hour < 12 ? "am" : "pm";
    case 's':
      return std::to_string(seconds);
    case 'A':
      return std::string(kDays[static_cast<size_t>(t.tm_wday)]);
    case 'a':
      return std::string(kDays[static_cast<size_t>(t.tm_wday)].substr(0, 3));
    case 'B':
      return std::string(kMonths[static_cast<size_t>(t.tm_mon)]);
    case 'b':
    case 'h':
      return std::string(kMonths[static_cast<size_t>(t.tm_mon)].substr(0, 3));
    case 'n':
      return "\n";
    case 't':
      return "\t";
    case '%':
      return "%";
    case 'z':
    case 'Z':
      return "";  // a clock without a zone
    case 'D':
    case 'x':
      return FormatTime("%m/%d/%y", seconds);
    case 'T':
    case 'X':
      return FormatTime("%H:%M:%S", seconds);
    case 'F':
      return FormatTime("%Y-%m-%d", seconds);
    case 'R':
      return FormatTime("%H:%M", seconds);
    case 'r':
      return FormatTime("%I:%M:%S %p", seconds);
    case 'c':
      return FormatTime("%a %b %e %H:%M:%S %Y", seconds);
    default:
      return std::string("%") + (plain ? "-" : "") + c;
  }
}

}  // namespace

std::string FormatTime(std::string_view format, int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm t{};
  if (gmtime_r(&time, &t) == nullptr) return "";
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 >= format.size()) {
      out += format[i];
      continue;
    }
    ++i;
    const bool plain = format[i] == '-' && i + 1 < format.size();
    if (plain) ++i;
    out += Directive(format[i], t, seconds, plain);
  }
  return out;
}

int64_t LocalNow() {
  const std::time_t now = std::time(nullptr);
  std::tm t{};
  if (localtime_r(&now, &t) == nullptr) return static_cast<int64_t>(now);
  return static_cast<int64_t>(now) + t.tm_gmtoff;
}

}  // namespace hyprstream::text::tmpl
