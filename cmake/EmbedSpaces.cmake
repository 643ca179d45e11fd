# Writes spaces/*.yaml into OUT as {"name", R"yaml(…)yaml"} rows.
set(rows "")
foreach(name IN LISTS NAMES)
  file(READ ${FOLDER}/${name}.yaml text)
  string(APPEND rows "{\"${name}\", R\"yaml(${text})yaml\"},\n")
endforeach()
file(WRITE ${OUT} "${rows}")
