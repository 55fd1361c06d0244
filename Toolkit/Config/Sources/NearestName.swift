/// The known name that an unknown one most likely means.
enum NearestName {
    /// The nearest of `names`, the first of equally near ones; `nil` when none is near.
    ///
    /// Near means that at most a third of the characters are wrong; one may always be.
    static func of(_ name: String, among names: [String]) -> String? {
        let limit = max(1, name.count / 3)
        let distances = names.map { (name: $0, distance: distance(from: Array(name), to: Array($0))) }
        return distances.filter { $0.distance <= limit }.min { $0.distance < $1.distance }?.name
    }

    /// How many characters must be inserted, removed, replaced or exchanged with the next one to make one text of the other.
    private static func distance(from one: [Character], to other: [Character]) -> Int {
        var rows = [Array(0...other.count)]
        for row in one.indices {
            var next = [row + 1]
            for column in other.indices {
                let replaced = rows[row][column] + (one[row] == other[column] ? 0 : 1)
                var least = min(replaced, rows[row][column + 1] + 1, next[column] + 1)
                if row > 0, column > 0, one[row] == other[column - 1], one[row - 1] == other[column] {
                    least = min(least, rows[row - 1][column - 1] + 1)
                }
                next.append(least)
            }
            rows.append(next)
        }
        return rows[one.count][other.count]
    }
}
