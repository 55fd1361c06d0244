/// A defect of an invoice file: the file, the rule, and where known the line and the column.
struct InvoiceFault: Error, Equatable, CustomStringConvertible {
    let file: String
    let line: Int?
    let column: String?
    let rule: String

    var description: String {
        let location = [line.map { "line \($0)" }, column.map { "column \($0)" }].compactMap(\.self)
        return ([file] + (location.isEmpty ? [] : [location.joined(separator: ", ")]) + [rule]).joined(separator: ": ")
    }
}
