import Console

/// The dates of the sample's invoices: some 75 a day from eight to six, never on a Saturday or at the turn of the year,
/// from December 2010 on.
struct SampleCalendar: Sendable {
    private var day = InvoiceDate.days(year: 2010, month: 12, day: 1)
    private var written = 0
    private var planned = 0

    mutating func next(_ dice: inout SeededDice) -> InvoiceDate {
        if written == planned {
            if planned > 0 { day += 1 }
            while isClosed { day += 1 }
            written = 0
            planned = dice.within(45...105)
        }
        let minute = Int64(8 * 60 + 600 * written / planned)
        written += 1
        return InvoiceDate(seconds: day * 86_400 + minute * 60)
    }

    private var isClosed: Bool {
        let (_, month, date) = InvoiceDate(seconds: day * 86_400).civil
        let isSaturday = (day + 4) % 7 == 6
        return isSaturday || (month == 12 && date >= 24) || (month == 1 && date <= 3)
    }
}
