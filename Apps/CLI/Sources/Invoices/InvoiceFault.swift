/// Why a file of invoices cannot be used: says the file, and where it can the line and the column.
struct InvoiceFault: Error, Equatable, CustomStringConvertible {
    let file: String
    let line: Int?
    let column: String?
    let rule: String

    var description: String {
        let place = [line.map { "line \($0)" }, column.map { "column \($0)" }].compactMap(\.self)
        return ([file] + (place.isEmpty ? [] : [place.joined(separator: ", ")]) + [rule]).joined(separator: ": ")
    }
}
