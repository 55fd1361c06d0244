/// Rows in columns as wide as their widest cell; numbers are right-aligned.
struct TextTable {
    struct Cell: ExpressibleByStringInterpolation {
        let text: String
        let style: Terminal.Style?

        init(_ text: String, _ style: Terminal.Style? = nil) {
            self.text = text
            self.style = style
        }

        init(stringLiteral text: String) { self.init(text) }
    }

    private let head: [String]
    private var rows: [[Cell]] = []

    init(_ head: String...) { self.head = head }

    mutating func add(_ cells: Cell...) { rows.append(cells) }

    var isEmpty: Bool { rows.isEmpty }

    func lines(on terminal: Terminal) -> [String] {
        let widths = head.indices.map { column in
            rows.reduce(head[column].count) { max($0, $1[column].text.count) }
        }
        let isNumber = head.indices.map { column in
            !rows.isEmpty && rows.allSatisfy { Int($0[column].text) != nil || $0[column].text == "-" }
        }
        func line(_ cells: [Cell]) -> String {
            let padded = cells.indices.map { column in
                let space = String(repeating: " ", count: widths[column] - cells[column].text.count)
                let text = cells[column].style.map { terminal.styled(cells[column].text, $0) } ?? cells[column].text
                return isNumber[column] ? space + text : text + space
            }
            var line = padded.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
        return [line(head.map { Cell($0, .bold) })] + rows.map(line)
    }

    func write(to terminal: Terminal) {
        for line in lines(on: terminal) { terminal.line(line) }
    }
}
