/// Rows in columns as wide as their widest cell; numbers are right-aligned.
package struct TextTable {
    package struct Cell: ExpressibleByStringInterpolation {
        package let text: String
        package let style: Terminal.Style?

        package init(_ text: String, _ style: Terminal.Style? = nil) {
            self.text = text
            self.style = style
        }

        package init(stringLiteral text: String) { self.init(text) }
    }

    private let head: [String]
    private var rows: [[Cell]] = []

    package init(_ head: String...) { self.head = head }

    package init(columns head: [String]) { self.head = head }

    package mutating func add(_ cells: Cell...) { rows.append(cells) }

    package mutating func add(row cells: [Cell]) { rows.append(cells) }

    package var isEmpty: Bool { rows.isEmpty }

    package func lines(on terminal: Terminal) -> [String] {
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

    package func write(to terminal: Terminal) {
        for line in lines(on: terminal) { terminal.line(line) }
    }
}
