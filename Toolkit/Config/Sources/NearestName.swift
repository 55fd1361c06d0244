/// The known name that an unknown one most likely means.
enum NearestName {
    /// The nearest of `names`, the first of equally near ones; `nil` when none is near.
    ///
    /// Near means: at most a third of the characters are inserted, removed or replaced, and one at least may be.
    static func of(_ name: String, among names: [String]) -> String? {
        let limit = max(1, name.count / 3)
        let distances = names.map { (name: $0, distance: distance(from: Array(name), to: Array($0))) }
        return distances.filter { $0.distance <= limit }.min { $0.distance < $1.distance }?.name
    }

    /// How many characters must be inserted, removed or replaced to make one text of the other.
    private static func distance(from one: [Character], to other: [Character]) -> Int {
        var row = Array(0...other.count)
        for (index, character) in one.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, candidate) in other.enumerated() {
                let replaced = diagonal + (character == candidate ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[other.count]
    }
}
