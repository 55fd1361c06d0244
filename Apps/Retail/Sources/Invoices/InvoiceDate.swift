/// The date of an invoice: the file's wall time without a zone, read as UTC, to the second.
struct InvoiceDate: Hashable, Comparable, Sendable {
    /// Seconds since 1970-01-01 00:00:00.
    let seconds: Int64

    static func < (left: InvoiceDate, right: InvoiceDate) -> Bool { left.seconds < right.seconds }

    /// Whole days since 1970-01-01; 0 was a Thursday.
    var day: Int64 { seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400 }

    /// The month's first second.
    var monthStart: InvoiceDate { InvoiceDate(seconds: (day - civil.day + 1) * 86_400) }
}

extension InvoiceDate {
    /// The form of a date in the file.
    static let form = "yyyy-MM-dd HH:mm:ss, as in 2010-12-01 08:26:00"

    /// Reads `yyyy-MM-dd HH:mm:ss`; `nil` for anything else, for a day that does not exist, and for the year 0.
    init?(reading text: some Collection<UInt8>) {
        guard text.count == 19 else { return nil }
        var numbers: [Int64] = [0]
        for (index, byte) in text.enumerated() {
            switch (index, byte) {
            case (4, UInt8(ascii: "-")), (7, UInt8(ascii: "-")), (10, UInt8(ascii: " ")),
                (13, UInt8(ascii: ":")), (16, UInt8(ascii: ":")):
                numbers.append(0)
            case (_, UInt8(ascii: "0")...UInt8(ascii: "9")):
                numbers[numbers.count - 1] = numbers[numbers.count - 1] * 10 + Int64(byte - UInt8(ascii: "0"))
            default:
                return nil
            }
        }
        guard numbers.count == 6, numbers[0] >= 1, 1...12 ~= numbers[1], 1...31 ~= numbers[2] else { return nil }
        guard numbers[3] < 24, numbers[4] < 60, numbers[5] < 60 else { return nil }
        let days = Self.days(year: numbers[0], month: numbers[1], day: numbers[2])
        self.init(seconds: days * 86_400 + numbers[3] * 3600 + numbers[4] * 60 + numbers[5])
        guard civil.day == numbers[2] else { return nil }
    }

    /// Days since 1970-01-01 in the Gregorian calendar, counted in eras of 400 years that begin in March.
    static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    var civil: (year: Int64, month: Int64, day: Int64) {
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
        return (year, month < 10 ? month + 3 : month - 9, dayOfYear - (153 * month + 2) / 5 + 1)
    }
}

extension InvoiceDate: CustomStringConvertible {
    /// The format of the invoices: `2010-12-01 08:26:00`.
    var description: String { written(between: " ", end: "") }

    /// The format of the contracts: `2010-12-01T08:26:00Z`.
    var rfc3339: String { written(between: "T", end: "Z") }

    private func written(between: String, end: String) -> String {
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let second = seconds - day * 86_400
        let (year, month, day) = civil
        let time = "\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))"
        return "\(year)-\(two(month))-\(two(day))\(between)\(time)\(end)"
    }
}
